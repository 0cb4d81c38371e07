import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';
import { severity } from '../../protocol/log-levels.ts';
import type { Era } from '../../protocol/versions.ts';
import { asksAbout, enveloped } from '../connection/era.ts';
import type { Link, LinkContext } from '../connection/link.ts';
import { acknowledged, notHonoured, withoutId } from '../connection/listen-messages.ts';
import { inTurn } from '../connection/subscriptions.ts';
import { deadlineOf, Pending, wantsProgress, withToken } from '../messages/pending.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';
import type { Pipe } from './pipe.ts';

const forever = 2 ** 31 - 1;

/** Calls over one pipe, in the era that was settled on. Nothing is resumed here: when the pipe ends, so does all that was in flight. */
export function openStdio(pipe: Pipe, context: LinkContext, settled: { era: Era; capabilities: JsonObject; about: JsonObject }): Link {
  const { inbox } = pipe;
  const { limits } = context;
  const modern = settled.era === 'modern';
  const closing = new AbortController();
  let level = Number.POSITIVE_INFINITY;
  let listening: { id: number; stop(): void } | undefined;
  let waiting: ((message: JsonObject) => void) | undefined;
  let lastUsed = performance.now();
  let honoured: (uri: string) => boolean = () => true;

  /** A `subscriptions/listen` for the present set of URIs; the one before ends once this one is acknowledged. */
  const relisten = inTurn(async () => {
    const before = listening;
    listening = context.uris.size > 0 ? await listen() : undefined;
    before?.stop();
  });

  const link: Link = {
    era: settled.era,
    call(call) {
      if (!modern && call.method === asksAbout) return Promise.resolve({ result: settled.about });
      return new Promise((resolve, reject) => {
        const pending = new Pending(
          pipe.nextId(),
          call,
          { timeoutMs: deadlineOf(call, context.entry), messages: limits.messagesPerCall },
          {
            gone: (gone, reason) => pipe.send({ method: 'notifications/cancelled', params: { requestId: gone.id, reason } }),
            ended(gone) {
              inbox.ended(gone);
              lastUsed = performance.now();
            },
            resolve(outcome) {
              context.onAnswer();
              inbox.visits.ended(outcome, call);
              resolve(outcome);
            },
            reject(error) {
              // Where the pipe itself is gone, that is told once and not for each call.
              if (error.problem !== 'closed') context.onTrouble(error);
              reject(error);
            },
          },
        );
        if (call.signal.aborted) return;
        inbox.calls.set(pending.id, pending);
        if (!modern) wantLevel(call);
        const { id } = pending;
        const params = modern ? enveloped(call.params, call.peer, wantsProgress(call) ? id : undefined) : withToken(call, id);
        if (!pipe.send({ id, method: call.method, params })) pending.fail(new UpstreamError('closed', 'it does not read what it is sent'));
      });
    },
    async subscribe(uri) {
      if (!modern) return await simple('resources/subscribe', { uri });
      await relisten();
      if (!honoured(uri)) throw notHonoured();
    },
    unsubscribe(uri) {
      (modern ? relisten() : simple('resources/unsubscribe', { uri })).catch(() => {});
    },
    forget() {},
    // A stream of updates is a request that never ends.
    busy: () => inbox.calls.size > (listening ? 1 : 0),
    quietMs: () => (inbox.calls.size > 0 || context.uris.size > 0 ? 0 : performance.now() - lastUsed),
    async close() {
      closing.abort();
      for (const pending of [...inbox.calls.values()]) pending.fail(new UpstreamError('closed', 'Gatehouse ended it'));
      await pipe.close();
    },
  };

  pipe.onEnd = (error) => {
    for (const pending of [...inbox.calls.values()]) pending.fail(error);
    if (!closing.signal.aborted) context.onLost(link, error);
  };
  pipe.onMessage = (message) => {
    if (!modern || typeof message['method'] !== 'string' || !isObject(message['params'])) return false;
    if (message['method'] === 'notifications/subscriptions/acknowledged') {
      waiting?.(message);
      return true;
    }
    if (message['method'] !== 'notifications/resources/updated') return false;
    message['params'] = withoutId(message['params']);
    return false;
  };
  if (context.uris.size > 0) {
    if (modern) void relisten().catch(() => {});
    else for (const uri of context.uris) void simple('resources/subscribe', { uri }).catch(() => {});
  }

  /** The pipe keeps order, so the call that follows finds the level set. The level is only ever lowered: other agents may have asked for it. */
  function wantLevel({ peer }: UpstreamCall) {
    if (peer.logLevel === undefined || severity(peer.logLevel) >= level || settled.capabilities['logging'] === undefined) return;
    level = severity(peer.logLevel);
    simple('logging/setLevel', { level: peer.logLevel }).catch(() => {});
  }

  async function simple(method: string, params: JsonObject): Promise<void> {
    const outcome: Outcome = await pipe.ask(method, params, closing.signal, limits.connectMs);
    if ('error' in outcome) throw new UpstreamError('bad-answer', outcome.error.message);
  }

  function listen(): Promise<{ id: number; stop(): void }> {
    return new Promise((resolve, reject) => {
      const id = pipe.nextId();
      const params = enveloped(
        { notifications: { resourceSubscriptions: [...context.uris] } },
        { capabilities: {}, clientInfo: context.clientInfo },
      );
      const give = new AbortController();
      const timer = setTimeout(() => give.abort(), limits.connectMs);
      const settledUp = (error: UpstreamError) => {
        clearTimeout(timer);
        reject(error);
      };
      const pending = new Pending(
        id,
        {
          method: 'subscriptions/listen',
          params,
          signal: give.signal,
          peer: { id: '', era: 'modern', capabilities: {}, clientInfo: context.clientInfo },
        },
        { timeoutMs: forever, messages: Number.POSITIVE_INFINITY },
        {
          gone: () => pipe.send({ method: 'notifications/cancelled', params: { requestId: id, reason: 'No longer needed' } }),
          ended: inbox.ended,
          resolve(outcome) {
            settledUp(new UpstreamError('bad-answer', 'error' in outcome ? outcome.error.message : 'it ended the subscription'));
            // It ended a stream that was running: ask again, a little later.
            if (listening?.id === id) setTimeout(() => void relisten().catch(() => {}), 1000).unref();
          },
          reject: settledUp,
        },
      );
      inbox.calls.set(id, pending);
      waiting = (message) => {
        clearTimeout(timer);
        honoured = acknowledged(message);
        resolve({ id, stop: () => give.abort() });
      };
      if (!pipe.send({ id, method: 'subscriptions/listen', params }))
        pending.fail(new UpstreamError('closed', 'it does not read what it is sent'));
    });
  }
  return link;
}
