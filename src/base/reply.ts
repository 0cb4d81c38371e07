import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Unread } from './unread.ts';

/** Bytes. A longer text is written in pieces of it, so that what its reader takes is seen, and so that one may go after the other. */
const piece = 256 * 1024;

/** They are accessors; Node's types take them for plain members, which could not be overridden. */
interface Plain extends Omit<ServerResponse, 'writableNeedDrain' | 'writableEnded' | 'write' | 'end' | 'destroy'> {
  get writableNeedDrain(): boolean;
  get writableEnded(): boolean;
  write(chunk: string | Uint8Array): boolean;
  end(chunk?: unknown): this;
  destroy(error?: Error): this;
}
const Plain = ServerResponse as unknown as new (request: IncomingMessage) => Plain;

/**
 * The answer to one HTTP request that does not wait unread without bounds: an `http.ServerResponse` to all who write to it. Long texts need their
 * `content-length` stated, as without it they would be chunked in their pieces.
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

  override write(chunk: string | Uint8Array): boolean {
    const { unread } = this;
    if (this.destroyed || this.writableEnded) return false;
    if (unread && this.unreadLength > unread.limits.connection) {
      unread.cut(this, this.reader, 'was too far behind for more');
      return false;
    }
    const waiting = this.writableLength;
    if (this.#restBytes > 0 || waiting + chunk.length > piece) {
      this.#keep(chunk);
      this.#pour();
      return false;
    }
    // Of a text that waits the length would be counted in characters.
    const flows = super.write(waiting > 0 && typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    if (this.writableLength > 0) unread?.note(this, this.reader);
    return flows;
  }

  override end(chunk?: unknown): this {
    if (this.#ending) return this;
    const text = typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : '';
    if (this.#restBytes > 0 || text.length > piece) {
      this.#ending = true;
      if (text.length > 0) this.#keep(text);
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

  #keep(chunk: string | Uint8Array): void {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!this.#rest) {
      this.#rest = [];
      this.on('drain', () => this.#pour()).once('close', () => this.#drop());
    }
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }

  #pour(): void {
    const rest = this.#rest!;
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
 * One request of a connection after the other (RFC 9112 section 9.3.2 lets a client send the next one before it has its answer): the next is taken up when
 * the answer before it has gone, and meanwhile no more is read. Else the answers of one connection would pile up behind each other.
 */
function inTurn(
  unread: Unread,
  handle: (request: IncomingMessage, response: Reply) => void,
): (request: IncomingMessage, response: Reply) => void {
  const last = new WeakMap<Socket, Reply>();
  return (request, response) => {
    response.unread = unread;
    const { socket } = request;
    const before = last.get(socket);
    last.set(socket, response);
    if (!before || before.writableFinished) return handle(request, response);
    socket.pause();
    before.once('finish', () => {
      socket.resume();
      handle(request, response);
    });
  };
}
