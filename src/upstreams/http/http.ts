import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { own } from '../../base/pieces.ts';
import { openSse, type SseEvent } from '../../base/sse.ts';
import type { HeaderList, Refusal } from '../credentials/credentials.ts';
import { long } from '../messages/reading.ts';
import { openTurns, type Turns } from '../messages/turns.ts';
import { NoCredential, UpstreamError } from '../upstream.ts';
import { passedBy, unreachable } from './broken.ts';
import { accepted, type Decoder, decodingOf, openDecoder } from './encoding.ts';
import { type HttpTarget, redirectedTo } from './target.ts';

/** What becomes of an HTTP exchange. Exactly one of `onBody`, `onEnd` and `onFailed` is the last to be called, and none after an abort. */
export interface HttpHandlers {
  onHead?: ((status: number, headers: IncomingHttpHeaders) => void) | undefined;
  /** The whole body of an answer that is no stream; a long one in pieces. */
  onBody(status: number, body: Buffer | readonly Buffer[]): void;
  /** While a returned promise is pending, no other event is handed on and nothing more is read. */
  onEvent(event: SseEvent): Promise<void> | undefined | void;
  /** Called after each piece of an answer; `held`: bytes not handed on yet. A promise stops reading until it resolves, so that TCP slows the upstream down. */
  caughtUp?(held: number): Promise<void> | undefined;
  /** The stream is over. */
  onEnd(): void;
  onFailed(error: UpstreamError): void;
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Names and values in turn. */
  headers: string[];
  body?: string;
  /** Carrying it out twice does no harm. */
  repeatable?: boolean;
}

/** How many redirects are followed, how many bytes the body of each may have, and how many may stand behind the end of what is compressed. */
const most = { redirects: 5, redirectBytes: 65_536, bytesBehind: 65_536 };

/**
 * Sends one request with a credential over the upstream's connections; returns a function that aborts it. After a 401, or a 403 for want of scope, the
 * request is sent once more with another credential, if there is one: the server refused the first request, so it carried nothing out.
 */
export function exchange(target: HttpTarget, request: HttpRequest, maxBytes: number, to: HttpHandlers): () => void {
  const running = new Exchange(target, request, maxBytes, to);
  running.begin();
  return () => running.stop();
}

/** RFC 6750 section 3.1. */
const wantsScope = (headers: IncomingHttpHeaders): boolean => /\binsufficient_scope\b/.test(String(headers['www-authenticate'] ?? ''));

const noCredential = (cause: unknown): UpstreamError =>
  cause instanceof UpstreamError
    ? cause
    : new NoCredential(`there is no credential for it: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });

/**
 * Redirects that keep method and body are followed within the origin: many servers want `/mcp/` for `/mcp`. All others are handed on as answers, since
 * they could carry our credential to any place that the upstream names. One object without closures, to save memory: there is one for each call.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #target: HttpTarget;
  readonly #request: HttpRequest;
  readonly #maxBytes: number;
  readonly #to: HttpHandlers;
  #credential: HeaderList = [];
  #over = false;
  #controller: Dispatcher.DispatchController | undefined;
  /** Another credential was tried already: the next refusal is the answer, unless the credentials know a better one. */
  #renewed = false;
  /** Headers of a refusal that is not handed on yet. */
  #refusal: IncomingHttpHeaders | undefined;
  #path: string;
  #redirects = 0;
  /** Where this answer redirects to. */
  #next: string | undefined;
  #sent = false;
  #again: boolean;
  #status = 0;
  #size = 0;
  #decoder: Decoder | undefined;
  /** The HTTP message is over. What is encoded in it may be over before that. */
  #ended = false;
  #unpacked = false;
  /** Bytes behind the end of what is encoded. */
  #behind = 0;
  #events: { read(chunk: Buffer): boolean; turns: Turns } | undefined;
  #first: Buffer | undefined;
  #chunks: Buffer[] | undefined;

  constructor(target: HttpTarget, request: HttpRequest, maxBytes: number, to: HttpHandlers) {
    this.#target = target;
    this.#request = request;
    this.#maxBytes = maxBytes;
    this.#to = to;
    this.#path = target.path;
    this.#again = request.repeatable === true;
  }

  begin() {
    this.#ask(undefined, (credential) => {
      this.#credential = credential;
      this.#dispatch(this.#target);
    });
  }

  stop() {
    this.#over = true;
    this.#decoder?.stop();
    this.#controller?.abort(new Error('aborted'));
  }

  #ask(refused: Refusal | undefined, then: (credential: HeaderList) => void) {
    const failed = (error: unknown) => {
      if (this.#over) return;
      this.#over = true;
      this.#to.onFailed(noCredential(error));
    };
    try {
      const credential = this.#target.credential(refused);
      if ('then' in credential) credential.then((headers) => this.#over || then(headers), failed);
      else then(credential);
    } catch (error) {
      failed(error);
    }
  }

  #dispatch(on: Pick<Dispatcher, 'dispatch'>) {
    const { method, headers, body } = this.#request;
    on.dispatch(
      {
        origin: this.#target.origin,
        path: this.#path,
        method,
        // Servers that compress a stream hold back short messages, often for ever.
        headers: headers.concat(this.#credential, this.#target.secretHeaders, 'accept-encoding', method === 'GET' ? 'identity' : accepted),
        body: body ?? null,
      },
      this,
    );
  }

  #fail(error: UpstreamError) {
    if (this.#over) return;
    this.stop();
    this.#to.onFailed(error);
  }

  #tooLarge() {
    this.#fail(new UpstreamError('too-large', `a message of more than ${this.#maxBytes} bytes`));
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    this.#controller = controller;
    this.#sent = true;
    if (this.#over) controller.abort(new Error('aborted'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders) {
    if (this.#over || status < 200) return;
    this.#next = this.#redirects < most.redirects ? redirectedTo(status, headers['location'], this.#target.origin, this.#path) : undefined;
    if (this.#next !== undefined) return;
    this.#status = status;
    const coding = decodingOf(headers['content-encoding']);
    if (coding === undefined) return this.#fail(new UpstreamError('bad-answer', 'it answered in an encoding that Gatehouse does not read'));
    if (coding !== 'plain')
      this.#decoder = openDecoder(coding, {
        onData: (chunk) => this.#take(chunk),
        onEnd: () => {
          this.#unpacked = true;
          if (this.#ended) this.#whole();
        },
        onError: () => this.#fail(new UpstreamError('bad-answer', 'an answer that cannot be unpacked')),
      });
    if (status === 401 || (status === 403 && wantsScope(headers))) this.#refusal = headers;
    else this.#to.onHead?.(status, headers);
    const type = headers['content-type'];
    if (status < 300 && typeof type === 'string' && /^text\/event-stream\b/i.test(type)) this.#events = this.#openEvents();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer) {
    if (this.#over) return;
    if (this.#next !== undefined) {
      this.#size += chunk.length;
      if (this.#size > most.redirectBytes) this.#fail(new UpstreamError('too-large', 'a redirect that does not end'));
      return;
    }
    if (this.#unpacked) {
      this.#behind += chunk.length;
      if (this.#behind > most.bytesBehind) this.#fail(new UpstreamError('bad-answer', 'an answer with more behind its end'));
      return;
    }
    const slow = this.#decoder ? this.#decoder.write(chunk) : this.#take(chunk);
    if (!slow) return;
    controller.pause();
    void slow.then(() => this.#over || controller.resume());
  }

  onResponseEnd() {
    if (this.#over) return;
    if (this.#next !== undefined) {
      this.#path = this.#next;
      this.#redirects++;
      this.#size = 0;
      this.#sent = false;
      this.#dispatch(this.#target);
      return;
    }
    this.#ended = true;
    if (this.#decoder && !this.#unpacked) this.#decoder.end();
    else this.#whole();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error) {
    if (this.#over) return;
    if (this.#again && this.#sent && this.#status === 0 && passedBy(error)) {
      this.#again = false;
      this.#sent = false;
      return this.#dispatch(this.#target.fresh());
    }
    if (this.#events) {
      this.#ended = true;
      return this.#decoder && !this.#unpacked ? this.#decoder.end() : this.#streamEnded(this.#events);
    }
    this.stop();
    if (!this.#sent) return this.#to.onFailed(new UpstreamError('unreachable', unreachable(error, this.#target.origin), { cause: error }));
    const broken = this.#status === 0 ? unheard : 'the connection broke before the answer was complete';
    this.#to.onFailed(new UpstreamError('closed', broken, { cause: error }));
  }

  #openEvents() {
    const turns = openTurns();
    const read = openSse(
      this.#maxBytes,
      (event) => {
        this.#size = 0;
        turns.take(() => (this.#over ? undefined : this.#to.onEvent(event)));
      },
      long,
    );
    return { read, turns };
  }

  /** A piece of the answer, unpacked. */
  #take(chunk: Buffer): Promise<void> | undefined {
    this.#size += chunk.length;
    if (this.#events) {
      const { read, turns } = this.#events;
      turns.begin();
      if (!read(chunk)) return void this.#tooLarge();
      const busy = turns.done();
      return this.#over ? undefined : busy ? busy.then(() => this.#to.caughtUp?.(this.#size)) : this.#to.caughtUp?.(this.#size);
    }
    if (this.#size > this.#maxBytes) return void this.#tooLarge();
    if (this.#first === undefined) this.#first = chunk;
    else (this.#chunks ??= [this.#first]).push(this.#size > long ? own(chunk) : chunk);
    return this.#over ? undefined : this.#to.caughtUp?.(this.#size);
  }

  #whole() {
    if (this.#over) return;
    if (this.#events) return this.#streamEnded(this.#events);
    const body = this.#chunks ? (this.#size > long ? this.#chunks : Buffer.concat(this.#chunks, this.#size)) : (this.#first ?? nothing);
    if (this.#refusal) return this.#renew(this.#refusal, body);
    this.#over = true;
    this.#to.onBody(this.#status, body);
  }

  #streamEnded({ turns }: { turns: Turns }) {
    turns.begin();
    turns.take(() => {
      if (this.#over) return;
      this.#over = true;
      this.#to.onEnd();
    });
  }

  /** The whole request once more with another credential; where there is none, the refusal is the answer. */
  #renew(headers: IncomingHttpHeaders, body: Buffer | readonly Buffer[]) {
    const again = this.#renewed;
    this.#renewed = true;
    this.#refusal = undefined;
    const refused = { headers: this.#credential, status: this.#status, challenge: headers['www-authenticate'] };
    this.#ask(refused, (credential) => {
      if (again || credential === this.#credential) {
        this.#over = true;
        this.#to.onHead?.(this.#status, headers);
        return this.#to.onBody(this.#status, body);
      }
      this.#credential = credential;
      this.#path = this.#target.path;
      this.#redirects = this.#status = this.#size = 0;
      this.#sent = false;
      this.#again = this.#request.repeatable === true;
      this.#decoder = this.#first = this.#chunks = undefined;
      this.#ended = this.#unpacked = false;
      this.#behind = 0;
      this.#dispatch(this.#target);
    });
  }
}

const nothing = Buffer.alloc(0);
const unheard = 'the connection broke before anything of the answer came, so it is unknown whether the call was carried out';
