import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { severity } from '../../protocol/log-levels.ts';
import { legacyVersions } from '../../protocol/versions.ts';
import { agreedVersion, asksAbout } from '../connection/era.ts';
import type { LinkContext } from '../connection/link.ts';
import { notBegun } from '../connection/not-begun.ts';
import { reconnectMs } from '../connection/reconnect.ts';
import { openInbox } from '../messages/inbox.ts';
import { deadlineOf, Pending, repeatable, withToken } from '../messages/pending.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';
import { sendGoodbye, sendInitialized, sendMessage } from './legacy-messages.ts';
import { openStanding, type Standing } from './legacy-stream.ts';
import { ask, jsonHeaders, post, rpcError } from './post.ts';
import type { HttpTarget } from './target.ts';

/** One `initialize`d session with a legacy upstream over HTTP. Begins anew by itself when the upstream has forgotten it. */
export interface LegacySession {
  call(call: UpstreamCall): Promise<Outcome>;
  subscribe(uri: string): Promise<void>;
  unsubscribe(uri: string): void;
  busy(): boolean;
  /** Its standing stream may be dead without our knowing. */
  wake(): void;
  close(): Promise<void>;
}

/** What one `initialize` brought. */
interface Generation {
  headers: string[];
  named: boolean;
  capabilities: JsonObject;
  /** The result of `initialize`. */
  about: JsonObject;
  /** Severity that log messages are set to; Infinity: never set. */
  level: number;
  standing: Standing;
}

export interface SessionOptions {
  target: HttpTarget;
  context: LinkContext;
  capabilities: JsonObject;
  clientInfo: { name: string; version: string };
  /** Whether resource subscriptions live on this session. */
  updates: boolean;
  onLost(error: UpstreamError): void;
}

export async function openLegacySession(options: SessionOptions, signal: AbortSignal): Promise<LegacySession> {
  const { target, context } = options;
  const { limits, entry, log } = context;
  let lastId = 0;
  let generation: Generation | undefined;
  let renewing: Promise<Generation> | undefined;
  const closing = new AbortController();
  const inbox = openInbox(context, (message) => tell(message));

  const tell = (message: JsonObject) => generation && sendMessage(target, generation.headers, message, { log, server: entry.id });

  async function begin(until: AbortSignal): Promise<Generation> {
    const version = legacyVersions[0]!;
    const asked = await ask({
      target,
      headers: jsonHeaders,
      method: 'initialize',
      params: { protocolVersion: version, capabilities: options.capabilities, clientInfo: options.clientInfo },
      id: ++lastId,
      signal: until,
      limits,
    });
    if (asked.outcome instanceof UpstreamError) throw notBegun(asked.outcome, asked.status);
    const agreed = agreedVersion(asked.outcome);
    const id = asked.headers['mcp-session-id'];
    const headers = [...jsonHeaders, 'mcp-protocol-version', agreed.version];
    if (typeof id === 'string') headers.push('mcp-session-id', id);
    const fresh: Generation = {
      headers,
      named: typeof id === 'string',
      capabilities: agreed.capabilities,
      about: agreed.about,
      level: Number.POSITIVE_INFINITY,
      standing: { renew() {}, close() {} },
    };
    await sendInitialized(target, headers, until);
    if (closing.signal.aborted) throw new UpstreamError('closed', 'Gatehouse is closing');
    fresh.standing = openStanding({
      target,
      headers,
      context,
      receive: (message, error) => inbox.receive(message, undefined, error),
      onGone: () => forgotten(fresh),
    });
    generation = fresh;
    if (options.updates) for (const uri of context.uris) void subscribe(uri).catch(() => {});
    return fresh;
  }

  /** Single flight: many calls may find out at once that the session is gone. */
  function live(): Promise<Generation> {
    renewing ??= begin(AbortSignal.any([closing.signal, AbortSignal.timeout(limits.connectMs)]))
      .catch((error: unknown) => {
        // It answers, but not with a session: it may have been replaced by a server of the other era.
        if (error instanceof UpstreamError && error.problem === 'bad-answer') options.onLost(error);
        throw error;
      })
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  }

  /** The standing stream found out. Perhaps no call follows to begin a new session, and subscribers would wait for updates for ever. */
  function forgotten(old: Generation) {
    drop(old);
    if (options.updates) comeBack(1);
  }

  function comeBack(failures: number) {
    if (generation || closing.signal.aborted || context.uris.size === 0) return;
    live().catch(() => setTimeout(() => comeBack(failures + 1), reconnectMs(failures, limits)).unref());
  }

  function drop(old: Generation) {
    old.standing.close();
    if (generation === old) generation = undefined;
  }

  function call(call: UpstreamCall): Promise<Outcome> {
    if (call.method === asksAbout) return (generation ? Promise.resolve(generation) : live()).then(({ about }) => ({ result: about }));
    return new Promise((resolve, reject) => {
      let stop = () => {};
      const pending = new Pending(
        ++lastId,
        call,
        { timeoutMs: deadlineOf(call, context.entry), messages: limits.messagesPerCall },
        {
          gone(gone, reason) {
            // Closing the connection is no cancellation in this era.
            tell({ method: 'notifications/cancelled', params: { requestId: gone.id, reason } });
            stop();
          },
          ended: inbox.ended,
          resolve(outcome) {
            context.onAnswer();
            inbox.visits.ended(outcome, call);
            resolve(outcome);
          },
          reject(error) {
            if (!closing.signal.aborted) context.onTrouble(error);
            reject(error);
          },
        },
      );
      if (call.signal.aborted) return;
      inbox.calls.set(pending.id, pending);
      const go = (again: boolean) => {
        if (!generation || wantsLevel(generation, call)) {
          prepare(call).then(
            (ready) => pending.open && (stop = deliver(ready, call, pending, again ? go : undefined)),
            (error: unknown) => pending.fail(error instanceof UpstreamError ? error : new UpstreamError('closed', 'its session failed')),
          );
        } else stop = deliver(generation, call, pending, again ? go : undefined);
      };
      go(true);
    });
  }

  function deliver(current: Generation, call: UpstreamCall, pending: Pending, again: ((again: boolean) => void) | undefined): () => void {
    const { id } = pending;
    let stop = post({
      target,
      headers: current.headers,
      body: JSON.stringify({ jsonrpc: '2.0', id, method: call.method, params: withToken(call, id) }),
      pending,
      repeatable: repeatable(call, context.entry),
      maxBytes: limits.messageBytes,
      onOther: (message) => inbox.receive(message, pending),
      onRefused(status, body) {
        if (!sessionLost(current, status, rpcError(body, id))) return false;
        drop(current);
        // The upstream refused the call without carrying it out, so it may be sent again in a new session.
        if (again && pending.open) again(false);
        else pending.fail(new UpstreamError('closed', 'it forgot its session twice'));
        return true;
      },
      onBroken(last) {
        if (!last) return false;
        stop = openStanding({
          target,
          headers: current.headers,
          context,
          receive: (message, error) => inbox.receive(message, pending, error),
          onGone: () => pending.fail(new UpstreamError('closed', 'its stream broke and could not be resumed')),
          resume: { ...last, until: () => !pending.open },
        }).close;
        return true;
      },
    });
    return () => stop();
  }

  const wantsLevel = (current: Generation, { peer }: UpstreamCall) =>
    peer.logLevel !== undefined && severity(peer.logLevel) < current.level && current.capabilities['logging'] !== undefined;

  async function prepare(call: UpstreamCall): Promise<Generation> {
    const current = generation ?? (await live());
    if (!wantsLevel(current, call)) return current;
    current.level = severity(call.peer.logLevel);
    // A failure is ignored: the call is worth making without log messages, and finds out itself if the session is gone.
    await ask({ ...asked(current, 'logging/setLevel', { level: call.peer.logLevel }), signal: call.signal });
    return current;
  }

  const asked = (current: Generation, method: string, params: JsonObject) => ({
    target,
    headers: current.headers,
    method,
    params,
    id: ++lastId,
    limits,
  });

  async function request(method: string, params: JsonObject): Promise<void> {
    for (let again = true; ; again = false) {
      const current = generation ?? (await live());
      const { status, outcome } = await ask({ ...asked(current, method, params), signal: closing.signal });
      if (again && sessionLost(current, status, outcome)) drop(current);
      else if (outcome instanceof UpstreamError) throw outcome;
      else if ('error' in outcome) throw new UpstreamError('bad-answer', outcome.error.message);
      else return;
    }
  }

  const subscribe = (uri: string) => request('resources/subscribe', { uri });

  await begin(AbortSignal.any([signal, closing.signal]));
  return {
    call,
    subscribe,
    unsubscribe(uri) {
      if (generation) request('resources/unsubscribe', { uri }).catch(() => {});
    },
    busy: () => inbox.calls.size > 0,
    wake: () => generation?.standing.renew(),
    async close() {
      closing.abort();
      for (const pending of [...inbox.calls.values()]) pending.fail(new UpstreamError('closed', 'Gatehouse closed its session'));
      const current = generation;
      if (!current) return;
      drop(current);
      if (current.named) await sendGoodbye(target, current.headers);
    },
  };
}

/** Whether the session is gone: 404 says so (protocol 2025-11-25, "Session Management"); older SDK servers say 400 and mention the session. */
function sessionLost(generation: Generation, status: number, said: Outcome | UpstreamError | undefined): boolean {
  const error = said && 'error' in said ? said.error : undefined;
  if (!generation.named || (status !== 404 && status !== 400)) return false;
  return status === 404 ? error?.code !== -32601 : /session/i.test(error?.message ?? '');
}
