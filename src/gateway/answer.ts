import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Journal, Track } from './journal.ts';

const headersOfStream = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };
/** Clients and proxies give up on a silent stream at 60 to 300 s; a comment keeps it (specification, streamable HTTP). */
export const keepAliveMs = 15_000;
/** What may wait for a slow agent before its stream is given up. */
const maxBacklog = 16 * 1024 * 1024;

/** A legacy session's journal, and whether its revision knows events without a message (2025-11-25). */
export interface Resumable {
  journal: Journal;
  prime: boolean;
}

/** The answer to one POST: one JSON object, or a stream as soon as something has to be said before it. */
export class Answer {
  readonly #response: ServerResponse;
  readonly #mayStream: boolean;
  readonly #headers: Record<string, string>;
  /** Where there is one, what is said outlives the connection. */
  readonly #resumable: Resumable | undefined;
  #track: Track | undefined;
  #streaming = false;

  constructor(response: ServerResponse, mayStream: boolean, headers: Record<string, string> = {}, resumable?: Resumable) {
    this.#resumable = resumable;
    this.#response = response;
    this.#mayStream = mayStream;
    this.#headers = headers;
  }

  get streaming(): boolean {
    return this.#streaming;
  }

  /** Sends a message ahead of the answer; false when the agent takes no streams or is gone. */
  send(message: string): boolean {
    const response = this.#response;
    if (this.#track) {
      this.#track.send(message);
      if (response.writableLength > maxBacklog) response.destroy();
      return true;
    }
    if (!this.#mayStream || response.writableEnded || response.destroyed) return false;
    this.open();
    if (this.#track) return this.send(message);
    response.write(`data: ${message}\n\n`);
    if (response.writableLength > maxBacklog) response.destroy();
    return true;
  }

  /** Settles when a slow agent has read what waits for it, or is gone; undefined where nothing does. */
  caughtUp(): Promise<void> | undefined {
    const response = this.#response;
    if (!response.writableNeedDrain || response.destroyed) return undefined;
    return new Promise((resolve) => {
      const done = () => {
        response.off('drain', done).off('close', done);
        resolve();
      };
      response.once('drain', done).once('close', done);
    });
  }

  open(): void {
    if (this.#streaming) return;
    this.#streaming = true;
    this.#response.writeHead(200, { ...headersOfStream, ...this.#headers });
    this.#response.flushHeaders();
    if (!this.#resumable) return;
    this.#track = this.#resumable.journal.open();
    this.#track.attach(this.#response);
    if (this.#resumable.prime) this.#track.prime();
  }

  keepAlive(): void {
    if (!this.#mayStream || this.#response.writableEnded || this.#response.destroyed) return;
    this.open();
    this.#response.write(': keep-alive\n\n');
  }

  end(message: string, status = 200): void {
    const response = this.#response;
    if (this.#track) return this.#track.end(message);
    if (response.writableEnded || response.destroyed) return;
    if (this.#streaming) {
      response.end(`data: ${message}\n\n`);
      return;
    }
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(message), ...this.#headers });
    response.end(message);
  }
}

/** A stream that outlives one request: the legacy GET stream, the modern subscription. */
export class Stream {
  readonly #response: ServerResponse;
  readonly #timer: NodeJS.Timeout;
  readonly #track: Track | undefined;

  constructor(response: ServerResponse, headers: Record<string, string> = {}, track?: Track) {
    this.#response = response;
    this.#track = track;
    response.writeHead(200, { ...headersOfStream, ...headers });
    response.flushHeaders();
    this.#timer = setInterval(() => response.write(': keep-alive\n\n'), keepAliveMs).unref();
    void once(response, 'close').finally(() => clearInterval(this.#timer));
  }

  get open(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  send(message: string): void {
    if (this.#track) this.#track.send(message);
    else if (this.open) this.#response.write(`data: ${message}\n\n`);
    if (this.#response.writableLength > maxBacklog) this.#response.destroy();
  }

  end(message?: string): void {
    if (this.open) this.#response.end(message === undefined ? undefined : `data: ${message}\n\n`);
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }
}
