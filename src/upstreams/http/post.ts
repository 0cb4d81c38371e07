import type { IncomingHttpHeaders } from 'node:http';
import { isMessage, isObject, type JsonObject, ourId } from '../../protocol/jsonrpc.ts';
import type { UpstreamLimits } from '../connection/link.ts';
import { parseShort } from '../messages/parse-json.ts';
import { outcomeOf, Pending } from '../messages/pending.ts';
import { mayAnswer, readMessage } from '../messages/reading.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';
import { exchange } from './http.ts';
import type { HttpTarget } from './target.ts';

type Body = Buffer | readonly Buffer[];

export const jsonHeaders = ['content-type', 'application/json', 'accept', 'application/json, text/event-stream'];

export interface Post {
  target: HttpTarget;
  headers: string[];
  body: string;
  pending: Pending;
  repeatable: boolean;
  maxBytes: number;
  onHead?: ((status: number, headers: IncomingHttpHeaders) => void) | undefined;
  /** A message that is neither the answer nor about this call: the upstream's own request, an update, a foreign answer. */
  onOther(message: JsonObject): void;
  /** Any status but 2xx. True: it was dealt with. */
  onRefused?(status: number, body: Body): boolean;
  /** The stream ended before the answer. True: it is being resumed, so the call goes on. */
  onBroken?(last: { id: string; retryMs: number | undefined } | undefined): boolean;
}

// A server may keep the stream open after the answer; the connection is needed for other calls.
const lingerMs = 1000;

/** Sends one JSON-RPC request in one POST and sees it through to its end; returns how to give up. */
export function post(request: Post): () => void {
  const { pending, target, headers, body, repeatable } = request;
  let last: { id: string; retryMs: number | undefined } | undefined;
  let lingering: NodeJS.Timeout | undefined;
  const stop = exchange(target, { method: 'POST', headers, body, repeatable }, request.maxBytes, {
    onHead: request.onHead,
    onBody(status, body) {
      if (status >= 200 && status < 300) return answered(body);
      if (request.onRefused?.(status, body)) return;
      const refused = refusal(status, body, pending.id);
      if (refused instanceof UpstreamError) pending.fail(refused);
      else pending.finish(refused);
    },
    onEvent(event) {
      if (event.id !== undefined) last = { id: event.id, retryMs: event.retryMs ?? last?.retryMs };
      if (event.data === '' || !pending.open) return undefined;
      const then = (fine: boolean) => {
        if (!fine) stop();
        else if (!pending.open && !lingering) lingering = setTimeout(stop, lingerMs).unref();
      };
      // MCP messages come as events named "message" or without a name. Any other event is only a sign of life.
      if (event.event !== undefined) return then(passOver(pending));
      return readMessage(event.data, (parsed, error) => {
        if (error && mayAnswer(error)) pending.fail(error);
        if (error) return then(pending.open && passOver(pending));
        then(eachOf(parsed).every((message) => (isMessage(message) && isAbout(message) ? take(message, request) : passOver(pending))));
      });
    },
    caughtUp: (held) => pending.call?.caughtUp?.(held),
    onEnd() {
      clearTimeout(lingering);
      if (pending.open && !request.onBroken?.(last)) pending.fail(new UpstreamError('closed', 'its stream ended before the answer'));
    },
    onFailed: (error) => pending.fail(error),
  });

  function answered(body: Body) {
    if (body.length === 0) return pending.fail(new UpstreamError('bad-answer', 'an empty answer'));
    // The body holds nothing but the answer, so the call fails if it cannot be read.
    void readMessage(body, (parsed, error) => {
      if (error) return pending.fail(error);
      eachOf(parsed).every((message) => take(message, request));
      if (pending.open) pending.fail(new UpstreamError('bad-answer', 'an answer to something else'));
    });
  }
  return stop;
}

/** Revision 2025-03-26 had batches. */
const eachOf = (message: unknown): unknown[] => (Array.isArray(message) ? message : [message]);

/** An object with neither a method nor an id is no request, no notification and nobody's answer. */
const isAbout = ({ id, method }: JsonObject): boolean => id !== undefined || method !== undefined;

/** Counts something that is no message. False: there were too many, the call has failed and the stream is to be cut. */
function passOver(pending: Pending): boolean {
  if (pending.notified({})) return true;
  pending.fail(flood());
  return false;
}

const flood = () => new UpstreamError('too-large', 'a flood of messages without an answer');

function take(message: unknown, { pending, onOther }: Pick<Post, 'pending' | 'onOther'>): boolean {
  if (!isObject(message)) {
    pending.fail(new UpstreamError('bad-answer', 'an answer that is no JSON-RPC message'));
    return false;
  }
  const { method } = message;
  if (method === undefined) {
    if (ourId(message['id']) !== pending.id) onOther(message);
    else {
      const outcome = outcomeOf(message);
      if (outcome) pending.finish(outcome);
      else pending.fail(new UpstreamError('bad-answer', 'an answer with neither a result nor an error'));
    }
    return true;
  }
  if (message['id'] !== undefined || method === 'notifications/resources/updated' || method === 'notifications/cancelled') {
    onOther(message);
    return true;
  }
  if (pending.notified(message)) return true;
  pending.fail(flood());
  return false;
}

/** What a status other than 2xx means. A JSON-RPC error in the body is the upstream's answer; a refused credential never is. */
function refusal(status: number, body: Body, id: number): Outcome | UpstreamError {
  if (status === 401 || status === 403) return new UpstreamError('unauthorized', `it answered HTTP ${status}`);
  if (status < 400)
    return new UpstreamError(
      'bad-answer',
      `it answered HTTP ${status}: redirects are followed within its own origin only, and only 307 and 308`,
    );
  const said = rpcError(body, id);
  if (said) return said;
  const busy = status === 408 || status === 429 || status === 503;
  return new UpstreamError(busy ? 'unreachable' : 'bad-answer', `it answered HTTP ${status}`);
}

export function rpcError(body: Body, id: string | number): Extract<Outcome, { error: unknown }> | undefined {
  try {
    const message = Buffer.isBuffer(body) ? parseShort(body.toString('utf8'))?.message : undefined;
    if (!isObject(message) || (ourId(message['id']) !== id && message['id'] !== null && message['id'] !== undefined)) return undefined;
    const outcome = outcomeOf(message);
    return outcome && 'error' in outcome ? outcome : undefined;
  } catch {
    return undefined;
  }
}

/** Gatehouse's own requests (discover, initialize, set a level). `status` is that of the HTTP answer, 0 where there was none. */
export async function ask(options: {
  target: HttpTarget;
  headers: string[];
  method: string;
  params: JsonObject;
  id: number;
  signal: AbortSignal;
  limits: UpstreamLimits;
}): Promise<{ status: number; headers: IncomingHttpHeaders; outcome: Outcome | UpstreamError }> {
  const { target, headers, method, params, id, signal, limits } = options;
  let status = 0;
  let answered: IncomingHttpHeaders = {};
  const call: UpstreamCall = {
    method,
    params,
    signal,
    peer: { id: '', era: 'legacy', capabilities: {}, clientInfo: { name: '', version: '' } },
  };
  const outcome = await new Promise<Outcome | UpstreamError>((resolve) => {
    let stop = () => {};
    const pending = new Pending(
      id,
      call,
      { timeoutMs: limits.connectMs, messages: 1000 },
      { gone: () => stop(), resolve, reject: resolve },
    );
    stop = post({
      target,
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
      pending,
      // Setting a level, subscribing or initializing twice changes nothing.
      repeatable: true,
      maxBytes: limits.messageBytes,
      onHead: (code, responseHeaders) => {
        status = code;
        answered = responseHeaders;
      },
      onOther: () => {},
    });
  });
  return { status, headers: answered, outcome };
}
