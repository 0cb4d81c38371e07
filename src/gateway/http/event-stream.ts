import type { Reply } from '../../base/reply.ts';
import type { Long } from '../../upstreams/messages/hole.ts';

/** The event stream of a response. What is said in one turn goes out in one write: each by itself would cost a chunk, a copy and a callback. */
export class EventStream {
  readonly #response: Reply;
  #waiting = '';

  constructor(response: Reply, headers: Record<string, string>) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      ...headers,
    });
    response.flushHeaders();
  }

  get open(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  write(text: string | Long): void {
    if (!this.open) return;
    if (typeof text !== 'string') {
      this.#flush();
      return void this.#response.write(text);
    }
    if (this.#waiting === '') process.nextTick(() => this.#flush());
    this.#waiting += text;
  }

  end(text: string | Long = ''): void {
    if (!this.open) return;
    const before = this.#waiting;
    this.#waiting = '';
    if (typeof text !== 'string') this.#response.end([before, ...text]);
    else this.#response.end(before + text || undefined);
  }

  /** Settles when a slow agent has read what waits for it, or is gone; undefined where nothing does. */
  caughtUp(): Promise<void> | undefined {
    const response = this.#response;
    // Called after every few bytes, so it flushes only when much waits: the rest of the turn goes out with it.
    if (this.#waiting.length >= response.writableHighWaterMark) this.#flush();
    if (!response.writableNeedDrain || response.destroyed) return undefined;
    return new Promise((resolve) => {
      const done = () => {
        if (response.writableNeedDrain && !response.destroyed) return;
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.on('drain', done).on('close', done);
    });
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  #flush(): void {
    const text = this.#waiting;
    // Also where the agent is gone: its session's event store knows this outlet for as long as it lives.
    this.#waiting = '';
    if (text !== '' && this.open) this.#response.write(text);
  }
}
