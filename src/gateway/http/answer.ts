import type { Reply } from '../../base/reply.ts';
import { beforeResult, type Id, resultText } from '../../protocol/jsonrpc.ts';
import { byteLength, type Long } from '../../upstreams/messages/hole.ts';
import type { EventLog, EventStore } from './event-store.ts';
import { EventStream } from './event-stream.ts';

/** Clients and proxies give up on a silent stream at 60 to 300 s; a comment keeps it (specification, streamable HTTP). */
export const keepAliveMs = 15_000;
const comment = ': keep-alive\n\n';

/** A legacy session's event store, and whether its revision knows events without a message (2025-11-25). */
export interface Resumable {
  events: EventStore;
  prime: boolean;
}

/** What becomes of one request: some messages perhaps, then its answer or none. */
export interface Answering {
  /** Sends a message ahead of the answer; false when the agent takes no streams or is gone. */
  send(message: string): boolean;
  /** Settles when a slow agent has read what waits for it, or is gone; undefined where nothing does. */
  caughtUp(): Promise<void> | undefined;
  keepAlive(): void;
  /** Ends with a result: JSON text. */
  result(id: Id, text: string | Long): void;
  end(message: string, status?: number): void;
  /** Ends without an answer. */
  close(): void;
}

/** The answer to one POST: one JSON object, or a stream as soon as something has to be said before it. */
export class Answer implements Answering {
  readonly #response: Reply;
  readonly #mayStream: boolean;
  readonly #headers: Record<string, string>;
  /** Where there is one, what is said outlives the connection. */
  readonly #resumable: Resumable | undefined;
  #track: EventLog | undefined;
  #outlet: EventStream | undefined;

  constructor(response: Reply, mayStream: boolean, headers: Record<string, string> = {}, resumable?: Resumable) {
    this.#resumable = resumable;
    this.#response = response;
    this.#mayStream = mayStream;
    this.#headers = headers;
  }

  send(message: string | Long): boolean {
    const outlet = this.#open();
    if (this.#track) this.#track.send(message);
    else if (outlet) outlet.write(typeof message === 'string' ? `data: ${message}\n\n` : ['data: ', ...message, '\n\n']);
    else return false;
    return true;
  }

  /** It is a stream. */
  get streams(): boolean {
    return this.#outlet !== undefined;
  }

  caughtUp(): Promise<void> | undefined {
    return this.#outlet?.caughtUp();
  }

  /** Undefined where the agent takes no stream, or is gone before there was one. */
  #open(): EventStream | undefined {
    if (this.#outlet) return this.#outlet.open || this.#track ? this.#outlet : undefined;
    const response = this.#response;
    if (!this.#mayStream || response.headersSent || response.destroyed) return undefined;
    this.#outlet = new EventStream(response, this.#headers);
    if (!this.#resumable) return this.#outlet;
    this.#track = this.#resumable.events.open();
    this.#track.attach(this.#outlet);
    if (this.#resumable.prime) this.#track.prime();
    return this.#outlet;
  }

  keepAlive(): void {
    this.#open()?.write(comment);
  }

  result(id: Id, text: string | Long): void {
    this.end(resultOf(id, text));
  }

  close(): void {
    if (this.#track) this.#track.end();
    else if (this.#outlet) this.#outlet.end();
    else this.#response.end();
  }

  end(message: string | Long, status = 200): void {
    if (this.#track) return this.#track.end(message);
    if (this.#outlet) return this.#outlet.end(typeof message === 'string' ? `data: ${message}\n\n` : ['data: ', ...message, '\n\n']);
    const response = this.#response;
    if (response.writableEnded || response.destroyed) return;
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': byteLength(message), ...this.#headers });
    response.end(message);
  }
}

export const resultOf = (id: Id, text: string | Long): string | Long =>
  typeof text === 'string' ? resultText(id, text) : [beforeResult(id), ...text, '}'];

/** A stream that outlives one request: the legacy GET stream, the modern subscription. */
export class Stream {
  readonly #outlet: EventStream;
  readonly #track: EventLog | undefined;

  /** `track`: what is said is numbered there, behind what the agent `missed` of it. */
  constructor(response: Reply, headers: Record<string, string> = {}, track?: EventLog, missed: readonly string[] = []) {
    const outlet = new EventStream(response, headers);
    this.#outlet = outlet;
    this.#track = track;
    for (const text of missed) outlet.write(text);
    if (track?.ended) outlet.end();
    else track?.attach(outlet);
    const timer = setInterval(() => outlet.write(comment), keepAliveMs).unref();
    outlet.onClose(() => clearInterval(timer));
  }

  get open(): boolean {
    return this.#outlet.open;
  }

  send(message: string): void {
    if (this.#track) this.#track.send(message);
    else this.#outlet.write(`data: ${message}\n\n`);
  }

  end(message?: string): void {
    this.#outlet.end(message === undefined ? '' : `data: ${message}\n\n`);
  }

  onClose(listener: () => void): void {
    this.#outlet.onClose(listener);
  }
}
