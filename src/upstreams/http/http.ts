import type { IncomingHttpHeaders } from 'node:http';
import tls from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import type { UpstreamLimits } from '../connection/link.ts';
import { long, own } from '../messages/reading.ts';
import { openSse, type SseEvent } from '../messages/sse.ts';
import { openTurns } from '../messages/turns.ts';
import { UpstreamError } from '../upstream.ts';
import { accepted, type Decoder, decodingOf, openDecoder } from './encoding.ts';

/** Where an upstream is, with connections of its own: one that hangs uses up nobody else's. */
export interface Target {
  readonly origin: string;
  readonly path: string;
  readonly dispatch: Dispatcher['dispatch'];
  /** Each request on a connection of its own. */
  fresh(): Dispatcher;
  /** Requests from now on go over new connections; those under way keep theirs. */
  renew(): void;
  /** Cuts all connections. */
  close(): Promise<void>;
}

const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

export function openTarget(address: string, limits: Pick<UpstreamLimits, 'connections' | 'connectMs'>): Target {
  const url = new URL(address);
  const options = {
    connections: limits.connections,
    allowH2: false,
    // Time limits are ours: per call, extended by progress. Streams may be silent for as long as they like.
    headersTimeout: 0,
    bodyTimeout: 0,
    // Servers close what idles, many after 5 s and without a word of it (a stated `Keep-Alive: timeout` is heeded); a request must not meet that.
    keepAliveTimeout: 3_000,
    keepAliveTimeoutThreshold: 2_000,
    keepAliveMaxTimeout: 30_000,
    connect: { timeout: limits.connectMs, ...(url.protocol === 'https:' ? { ca: trusted() } : {}) },
  };
  const direct = loopback.test(url.hostname) || !proxied();
  const pool = (more: { pipelining?: number } = {}): Dispatcher =>
    direct ? new Pool(url.origin, { ...options, ...more }) : new EnvHttpProxyAgent({ ...options, ...more, requestTls: options.connect });
  let present = pool();
  let single: Dispatcher | undefined;
  const leaving = new Set<Dispatcher>();
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    dispatch: (request, handler) => present.dispatch(request, handler),
    fresh: () => (single ??= pool({ pipelining: 0 })),
    renew() {
      const old = present;
      present = pool();
      leaving.add(old);
      const gone = () => leaving.delete(old);
      old.close().then(gone, gone);
    },
    async close() {
      await Promise.all([present, ...leaving, ...(single ? [single] : [])].map((one) => one.destroy()));
    },
  };
}

const proxied = () => ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'].some((name) => process.env[name]);

/** Node's own roots and the system's: companies that inspect TLS put theirs there. */
const trusted = () => (roots ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]);
let roots: string[] | undefined;

/** What becomes of an HTTP exchange. Exactly one of `onBody`, `onEnd` and `onFailed` is the last to be called, and none after an abort. */
export interface Exchange {
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
 * One request on the upstream's connections; returns how to abort it. Redirects that keep method and body are followed within the origin: many
 * servers want `/mcp/` for `/mcp`. All others are answers like any other, since they would carry our credential to where the upstream likes.
 */
export function exchange(target: Target, request: HttpRequest, maxBytes: number, to: Exchange): () => void {
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
  const streamEnded = () =>
    turns.take(() => {
      if (over) return;
      over = true;
      to.onEnd();
    });

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
        headers: [...request.headers, 'accept-encoding', request.method === 'GET' ? 'identity' : accepted],
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
        events = openSse(maxBytes, (event) => {
          size = 0;
          turns.take(() => (over ? undefined : to.onEvent(event)));
        });
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
