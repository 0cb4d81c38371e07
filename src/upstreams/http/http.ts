import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { own } from '../../base/pieces.ts';
import { openSse, type SseEvent } from '../../base/sse.ts';
import type { HeaderList } from '../credentials/credentials.ts';
import { long } from '../messages/reading.ts';
import { openTurns } from '../messages/turns.ts';
import { UpstreamError } from '../upstream.ts';
import { accepted, type Decoder, decodingOf, openDecoder } from './encoding.ts';
import type { HttpTarget } from './target.ts';

/** What becomes of an HTTP exchange. Exactly one of `onBody`, `onEnd` and `onFailed` is the last to be called, and none after an abort. */
export interface HttpHandlers {
  onHead?(status: number, headers: IncomingHttpHeaders): void;
  /** The whole body of an answer that is no stream; a long one in pieces. */
  onBody(status: number, body: Buffer | readonly Buffer[]): void;
  /** Where that takes time, nothing of the stream is handed on, nor read, until it is over. */
  onEvent(event: SseEvent): Promise<void> | undefined | void;
  /** Asked after each piece of an answer, of which `held` bytes are not handed on yet: a promise stops its reading until then, so that TCP slows the upstream down. */
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
  /** To be carried out twice does no harm. */
  repeatable?: boolean;
}

/** Hops, and bytes of each answer that only says where to go. */
const most = { redirects: 5, redirectBytes: 65_536 };

/**
 * One request on the upstream's connections with a credential; returns how to abort it. A 401 is tried once more with another credential, where there is
 * one: it was refused at the door, so nothing of it was carried out.
 */
export function exchange(target: HttpTarget, request: HttpRequest, maxBytes: number, to: HttpHandlers): () => void {
  let over = false;
  let stop = () => {
    over = true;
  };
  const ask = (then: (credential: HeaderList) => void, refused?: HeaderList) => {
    const failed = (error: unknown) => over || to.onFailed(noCredential(error));
    try {
      const asked = target.credential(refused);
      if (!('then' in asked)) return then(asked);
      asked.then((credential) => over || then(credential), failed);
    } catch (error) {
      failed(error);
    }
  };
  const go = (credential: HeaderList, handlers: HttpHandlers) => {
    stop = send(target, request, credential, maxBytes, handlers);
  };
  ask((credential) => {
    let refusal: IncomingHttpHeaders | undefined;
    go(credential, {
      ...to,
      onHead(status, headers) {
        if (status === 401) refusal = headers;
        else to.onHead?.(status, headers);
      },
      onBody(status, body) {
        if (!refusal) return to.onBody(status, body);
        const headers = refusal;
        ask((other) => {
          if (other !== credential) return go(other, to);
          to.onHead?.(status, headers);
          to.onBody(status, body);
        }, credential);
      },
    });
  });
  return () => {
    over = true;
    stop();
  };
}

const noCredential = (cause: unknown): UpstreamError =>
  cause instanceof UpstreamError
    ? cause
    : new UpstreamError('unauthorized', `there is no credential for it: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });

/**
 * Redirects that keep method and body are followed within the origin: many
 * servers want `/mcp/` for `/mcp`. All others are answers like any other, since they would carry our credential to where the upstream likes.
 */
function send(target: HttpTarget, request: HttpRequest, credential: HeaderList, maxBytes: number, to: HttpHandlers): () => void {
  let over = false;
  let sent = false;
  let again = request.repeatable === true;
  let status = 0;
  let { path } = target;
  let redirects = 0;
  let next: string | undefined;
  let decoder: Decoder | undefined;
  let controller: Dispatcher.DispatchController | undefined;
  let events: ((chunk: Buffer) => boolean) | undefined;
  let first: Buffer | undefined;
  let chunks: Buffer[] | undefined;
  let size = 0;
  const turns = openTurns();
  const streamEnded = () => {
    turns.begin();
    turns.take(() => {
      if (over) return;
      over = true;
      to.onEnd();
    });
  };

  const stop = () => {
    over = true;
    decoder?.stop();
    controller?.abort(new Error('aborted'));
  };
  const fail = (error: UpstreamError) => {
    if (over) return;
    stop();
    to.onFailed(error);
  };
  const tooLarge = () => fail(new UpstreamError('too-large', `a message of more than ${maxBytes} bytes`));

  /** A piece of the answer, unpacked. */
  function take(chunk: Buffer): Promise<void> | undefined {
    size += chunk.length;
    if (events) {
      turns.begin();
      if (!events(chunk)) return void tooLarge();
      const busy = turns.done();
      return over ? undefined : busy ? busy.then(() => to.caughtUp?.(size)) : to.caughtUp?.(size);
    }
    if (size > maxBytes) return void tooLarge();
    if (first === undefined) first = chunk;
    else (chunks ??= [first]).push(size > long ? own(chunk) : chunk);
    return over ? undefined : to.caughtUp?.(size);
  }
  function whole() {
    if (over) return;
    if (events) return streamEnded();
    over = true;
    to.onBody(status, chunks ? (size > long ? chunks : Buffer.concat(chunks, size)) : (first ?? nothing));
  }

  const dispatch = (on: Pick<Dispatcher, 'dispatch'>) =>
    on.dispatch(
      {
        origin: target.origin,
        path,
        method: request.method,
        // A server's compression holds back a stream that has little to say, often for ever.
        headers: request.headers.concat(credential, 'accept-encoding', request.method === 'GET' ? 'identity' : accepted),
        body: request.body ?? null,
      },
      handler,
    );
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(given) {
      controller = given;
      sent = true;
      if (over) given.abort(new Error('aborted'));
    },
    onResponseStart(_controller, code, headers) {
      if (over || code < 200) return;
      next = redirects < most.redirects ? redirectedTo(code, headers['location'], target.origin, path) : undefined;
      if (next !== undefined) return;
      status = code;
      const decode = decodingOf(headers['content-encoding']);
      if (decode === undefined) return fail(new UpstreamError('bad-answer', `it answered in an encoding that Gatehouse does not read`));
      if (decode !== 'plain')
        decoder = openDecoder(decode, {
          onData: take,
          onEnd: whole,
          onError: () => fail(new UpstreamError('bad-answer', 'an answer that cannot be unpacked')),
        });
      to.onHead?.(code, headers);
      const type = headers['content-type'];
      if (code < 300 && typeof type === 'string' && /^text\/event-stream\b/i.test(type))
        events = openSse(
          maxBytes,
          (event) => {
            size = 0;
            turns.take(() => (over ? undefined : to.onEvent(event)));
          },
          long,
        );
    },
    onResponseData(given, chunk) {
      if (over) return;
      if (next !== undefined) {
        size += chunk.length;
        if (size > most.redirectBytes) fail(new UpstreamError('too-large', 'a redirect that does not end'));
        return;
      }
      const slow = decoder ? decoder.write(chunk) : take(chunk);
      if (!slow) return;
      given.pause();
      void slow.then(() => over || given.resume());
    },
    onResponseEnd() {
      if (over) return;
      if (next !== undefined) {
        path = next;
        redirects++;
        size = 0;
        sent = false;
        return void dispatch(target);
      }
      if (decoder) decoder.end();
      else whole();
    },
    onResponseError(_controller, error) {
      if (over) return;
      if (again && sent && status === 0 && passedBy(error)) {
        again = false;
        sent = false;
        return void dispatch(target.fresh());
      }
      if (events) return decoder ? decoder.end() : streamEnded();
      stop();
      if (!sent) to.onFailed(new UpstreamError('unreachable', unreachable(error, target.origin), { cause: error }));
      else
        to.onFailed(
          new UpstreamError('closed', status === 0 ? unheard : 'the connection broke before the answer was complete', { cause: error }),
        );
    },
  };
  dispatch(target);
  return stop;
}

/** INVARIANT: only where the same request goes to the same origin. */
function redirectedTo(status: number, location: string | string[] | undefined, origin: string, path: string): string | undefined {
  if ((status !== 307 && status !== 308) || typeof location !== 'string') return undefined;
  const url = URL.parse(location, origin + path);
  return url && url.origin === origin ? url.pathname + url.search : undefined;
}

const nothing = Buffer.alloc(0);
const unheard = 'the connection broke before anything of the answer came, so it is unknown whether the call was carried out';

/**
 * Not a byte came on a connection that had served before: the server's idle timer and our request passed each other. A reset does not say what
 * connection it was.
 */
function passedBy(error: Error): boolean {
  const { code, socket } = error as NodeJS.ErrnoException & { socket?: { bytesRead?: number } };
  return code === 'ECONNRESET' || code === 'EPIPE' || (code === 'UND_ERR_SOCKET' && (socket?.bytesRead ?? 0) > 0);
}

/** In words that help; certificates and names are what goes wrong in companies. */
function unreachable(error: Error, origin: string): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const code = (first as NodeJS.ErrnoException).code ?? '';
  if (code === 'ECONNREFUSED') return `nothing answers at ${origin}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name in ${origin} cannot be resolved`;
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return `${origin} did not take the connection in time`;
  if (/CERT|SIGNATURE|ISSUER|TLS|SSL/.test(code)) return `the certificate of ${origin} is not trusted: ${code}`;
  return `no connection to ${origin}: ${code || first.message}`;
}
