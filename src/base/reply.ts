import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Unread } from './unread.ts';

/** Bytes. A longer text is written in pieces of this size, one after the other, so that we see how much its reader takes. */
const piece = 256 * 1024;

/** They are accessors; Node's types take them for plain members, which could not be overridden. */
interface Plain extends Omit<ServerResponse, 'writableNeedDrain' | 'writableEnded' | 'write' | 'end' | 'destroy' | 'emit'> {
  get writableNeedDrain(): boolean;
  get writableEnded(): boolean;
  write(chunk: string | Uint8Array): boolean;
  end(chunk?: unknown): this;
  destroy(error?: Error): this;
  emit(event: string | symbol, ...args: unknown[]): boolean;
}
const Plain = ServerResponse as unknown as new (request: IncomingMessage) => Plain;

/**
 * The answer to one HTTP request, with a bound on what of it may wait unread. To all who write to it, it is an `http.ServerResponse`. Long texts
 * need a `content-length`: without it each piece would be sent as a chunk.
 */
export class Reply extends Plain {
  /** Whose answer it is, as far as that is known: all that waits for one reader counts together. */
  reader = '';
  unread: Unread | undefined;
  /** The call that it answers, for the record of a cut. */
  about: { server: string; method: string; target: string; session: string | undefined } | undefined;
  /** What is not written yet, and its bytes. */
  #rest: Buffer[] | undefined;
  #restBytes = 0;
  #ending = false;

  /** Bytes. Not `writableLength`: Node asks that before it says 'drain'. */
  get unreadLength(): number {
    return this.writableLength + this.#restBytes;
  }

  override get writableNeedDrain(): boolean {
    return this.#restBytes > 0 || super.writableNeedDrain;
  }

  override get writableEnded(): boolean {
    return this.#ending || super.writableEnded;
  }

  /** A list of pieces counts as one write. */
  override write(chunk: string | Uint8Array | readonly (string | Uint8Array)[]): boolean {
    const { unread } = this;
    if (this.destroyed || this.writableEnded || unread?.isTooFar(this, this.reader)) return false;
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) {
      for (const part of chunk) if (part.length > 0) this.#keep(part);
      this.#pour();
      return false;
    }
    const waiting = this.writableLength;
    if (this.#restBytes > 0 || waiting + chunk.length > piece) {
      this.#keep(chunk);
      this.#pour();
      return false;
    }
    // Node would count a waiting text in characters, not in bytes.
    const flows = super.write(waiting > 0 && typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    if (this.writableLength > 0) unread?.note(this, this.reader);
    return flows;
  }

  /** An answer may come in pieces. They count as one write, so no piece is refused because of the ones before it. */
  override end(chunk?: unknown): this {
    if (this.#ending || this.destroyed) return this;
    const texts = Array.isArray(chunk) ? (chunk as (string | Uint8Array)[]) : undefined;
    const text = typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : '';
    if ((texts || text.length > 0) && this.unread?.isTooFar(this, this.reader)) return this;
    if (texts || this.#restBytes > 0 || text.length > piece) {
      this.#ending = true;
      for (const part of texts ?? [text]) if (part.length > 0) this.#keep(part);
      this.#pour();
      return this;
    }
    if (text.length > 0) super.end(text);
    else super.end();
    if (this.writableLength > 0) this.unread?.note(this, this.reader);
    return this;
  }

  override destroy(error?: Error): this {
    this.#drop();
    return super.destroy(error);
  }

  /** Node emits 'drain' when its own buffer is empty. It is passed on only when nothing is kept here, either. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === 'close') this.#drop();
    if (event !== 'drain' || this.#restBytes === 0) return super.emit(event, ...args);
    this.#pour();
    return true;
  }

  #keep(chunk: string | Uint8Array): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#rest ??= [];
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }

  #pour(): void {
    const rest = this.#rest ?? [];
    const some = rest.length > 0;
    while (rest.length > 0 && !super.writableNeedDrain && !this.destroyed) {
      const first = rest[0]!;
      if (first.length > piece) rest[0] = first.subarray(piece);
      else rest.shift();
      this.#restBytes -= Math.min(first.length, piece);
      super.write(first.subarray(0, piece));
    }
    if (rest.length === 0) {
      if (this.#ending) super.end();
      // Whoever was told to wait hears that it is over.
      else if (some && !super.writableNeedDrain) process.nextTick(() => this.emit('drain'));
    }
    this.unread?.note(this, this.reader);
  }

  #drop(): void {
    if (this.#rest) this.#rest.length = 0;
    this.#restBytes = 0;
  }
}

/** An HTTP server whose answers count in `unread`. */
export function replyServer(options: ServerOptions, unread: Unread, handle: (request: IncomingMessage, response: Reply) => void): Server {
  const listener = inTurn(unread, handle) as unknown as RequestListener;
  return createServer({ ...options, ServerResponse: Reply as unknown as typeof ServerResponse }, listener);
}

/**
 * Handles the requests of a connection one after the other (RFC 9112 section 9.3.2 lets a client send the next one before it has its answer). The
 * next is handled when the answer before it has gone, and while one waits no more is read: otherwise the answers of a connection would pile up,
 * or its requests. A request that waits when its client goes away is never handled.
 */
function inTurn(
  unread: Unread,
  handle: (request: IncomingMessage, response: Reply) => void,
): (request: IncomingMessage, response: Reply) => void {
  const lines = new WeakMap<Socket, { last: Reply; waiting: number }>();
  return (request, response) => {
    response.unread = unread;
    const { socket } = request;
    const line = lines.get(socket);
    if (!line) {
      const first = { last: response, waiting: 0 };
      lines.set(socket, first);
      // Node reads on whenever a request is complete or an answer has gone.
      socket.on('resume', () => {
        if (first.waiting > 0) socket.pause();
      });
      return handle(request, response);
    }
    const before = line.last;
    line.last = response;
    if (before.writableFinished) return handle(request, response);
    line.waiting += 1;
    socket.pause();
    before.once('finish', () => {
      line.waiting -= 1;
      if (line.waiting === 0) socket.resume();
      handle(request, response);
    });
  };
}
