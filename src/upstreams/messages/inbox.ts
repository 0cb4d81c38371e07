import type { Log } from '../../base/log.ts';
import { idKey, isRawNumber } from '../../protocol/exact.ts';
import { type Id, isMessage, isObject, type JsonObject, longest, ourId, rpc } from '../../protocol/jsonrpc.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';
import { outcomeOf, type Pending, wants } from './pending.ts';
import { openRate } from './rate.ts';
import { mayAnswer, UnreadableMessage } from './reading.ts';
import { openVisits, type Visits } from './visits.ts';

/** Messages that arrive where calls share a channel: a pipe, or a session's standing stream. */
export interface Inbox {
  readonly calls: Map<number, Pending>;
  readonly visits: Visits;
  /** `of` is the call on whose stream it came, where that is known; `error` says why there is no message. False: too many came, the channel should be cut off. */
  receive(message: unknown, of?: Pending, error?: UpstreamError): boolean;
  /** The call is over: aborts the questions that its upstream still asks on its behalf. */
  ended(pending: Pending): void;
}

/** What a channel needs to know of its upstream. */
export interface InboxContext {
  readonly entry: { id: string };
  readonly limits: { unaskedPerTenSeconds: number };
  readonly log: Log;
  onResourceUpdated(params: JsonObject): void;
}

// A person can be asked one thing at a time; a server that asks this many at once is broken or worse.
const mostQuestions = 32;

/** `refused`: methods that this channel's upstream must not ask for at all. */
export function openInbox(context: InboxContext, reply: (message: JsonObject) => void, refused: readonly string[] = []): Inbox {
  const calls = new Map<number, Pending>();
  const visits = openVisits();
  /** By `idKey` of their ids: an id that is a number which JavaScript cannot hold is a new object each time it comes. */
  const questions = new Map<string | number, { controller: AbortController; pending: Pending }>();
  // Counts what no call waits for.
  const nobodys = openRate(context.limits.unaskedPerTenSeconds);

  function answered(message: JsonObject, of: Pending | undefined): boolean {
    if (message['id'] === undefined) return nobodys();
    const id = ourId(message['id']);
    // An answer on a call's own stream must be the one to that call. Taken for the answer to another call, it could reach another agent.
    if (of && id !== of.id) {
      of.fail(new UpstreamError('bad-answer', 'an answer to something else'));
      return nobodys();
    }
    const pending = calls.get(id as number);
    if (!pending) return nobodys();
    const outcome = outcomeOf(message);
    if (outcome) pending.finish(outcome);
    else pending.fail(new UpstreamError('bad-answer', 'an answer with neither a result nor an error'));
    return true;
  }

  function notified(method: string, message: JsonObject, of: Pending | undefined): boolean {
    const params = isObject(message['params']) ? message['params'] : undefined;
    if (method === 'notifications/progress') {
      const pending = of ?? calls.get(ourId(params?.['progressToken']) as number);
      if (!pending) return nobodys();
      if (!pending.notified(message)) pending.fail(new UpstreamError('too-large', 'a flood of messages without an answer'));
      return true;
    }
    if (method === 'notifications/elicitation/complete' && visits.complete(message)) return nobodys();
    if (method === 'notifications/cancelled') questions.get(idKey(params?.['requestId'])!)?.controller.abort();
    else if (method === 'notifications/resources/updated') {
      if (params) context.onResourceUpdated(params);
    } else (of ?? latest((call) => wants(call, method, params)))?.notified(message);
    return nobodys();
  }

  /** On a shared channel a message does not say which call it belongs to. The newest call is a guess, made only if all that fit are of one agent. */
  function latest(fits: (call: UpstreamCall) => boolean): Pending | undefined {
    let newest: Pending | undefined;
    for (const pending of calls.values()) {
      if (!pending.call || !fits(pending.call)) continue;
      if (newest?.call && newest.call.peer.id !== pending.call.peer.id) return undefined;
      newest = pending;
    }
    return newest;
  }

  async function question(id: Id, method: string, params: JsonObject, of: Pending | undefined): Promise<void> {
    if (method === 'ping') return reply({ jsonrpc: '2.0', id, result: {} });
    const pending = of ?? latest((call) => call.onRequest !== undefined);
    const ask = pending?.call?.onRequest;
    if (refused.includes(method) || !pending?.call || !ask || questions.size >= mostQuestions)
      return reply({ jsonrpc: '2.0', id, error: { code: rpc.methodNotFound, message: `Nobody here can answer ${method} now.` } });
    const controller = new AbortController();
    const key = idKey(id)!;
    questions.set(key, { controller, pending });
    visits.asked(params, pending.call);
    pending.hold();
    let outcome: Outcome;
    try {
      outcome = await ask({ method, params }, controller.signal);
    } catch (error) {
      context.log.warn({ err: error, server: context.entry.id, method }, "an upstream's request could not be answered");
      outcome = { error: { code: rpc.internalError, message: `${method} could not be answered.` } };
    }
    pending.release();
    questions.delete(key);
    if (!controller.signal.aborted) reply({ jsonrpc: '2.0', id, ...outcome });
  }

  return {
    calls,
    visits,
    receive(message, of, error) {
      if (error && mayAnswer(error))
        (of ?? (error instanceof UnreadableMessage ? calls.get(ourId(error.id) as number) : undefined))?.fail(error);
      if (!isMessage(message)) return nobodys();
      const { id, method } = message;
      if (typeof method !== 'string') return answered(message, of);
      // Both are kept until the answer, and repeated in it.
      if (method.length > longest.method || isLongId(id)) return nobodys();
      if (id === undefined || id === null) return notified(method, message, of);
      if (idKey(id) === undefined) return nobodys();
      void question(id as Id, method, isObject(message['params']) ? message['params'] : {}, of);
      return nobodys();
    },
    ended(pending) {
      calls.delete(pending.id);
      if (questions.size === 0) return;
      for (const openQuestion of questions.values()) if (openQuestion.pending === pending) openQuestion.controller.abort();
    },
  };
}

const isLongId = (id: unknown): boolean =>
  (typeof id === 'string' && id.length > longest.id) || (isRawNumber(id) && id.rawJSON.length > longest.id);
