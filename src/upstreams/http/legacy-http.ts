import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts';
import type { Link, LinkContext } from '../connection/link.ts';
import { type Outcome, type UpstreamCall, UpstreamError } from '../upstream.ts';
import { type LegacySession, openLegacySession } from './legacy-session.ts';
import type { HttpTarget } from './target.ts';

interface Own {
  session: Promise<LegacySession>;
  opened?: LegacySession;
  lastUsed: number;
}

/** Capabilities that let an upstream ask the agent something. An agent that declares none of them, and no extension, loses nothing by sharing a session. */
const askable = ['roots', 'sampling', 'elicitation'] as const;

/**
 * Protocol 2025-11-25 and older over HTTP. Agents that cannot be asked anything share one session; each of the others gets its own, so that a
 * question reaches the agent whose call it belongs to and no other. Own sessions are bounded in number and end when idle.
 */
export async function openLegacyHttp(target: HttpTarget, context: LinkContext, signal: AbortSignal): Promise<Link> {
  const { limits, entry, log } = context;
  const own = new Map<string, Own>();
  let closed = false;

  const link: Link = {
    era: 'legacy',
    call(call) {
      const capabilities = interactive(call);
      return capabilities ? dedicated(call, capabilities) : shared.call(call);
    },
    subscribe: (uri) => shared.subscribe(uri),
    unsubscribe: (uri) => shared.unsubscribe(uri),
    forget(peerId) {
      const ownSession = own.get(peerId);
      if (ownSession) end(peerId, ownSession);
    },
    busy: () => shared.busy() || [...own.values()].some(({ opened }) => opened?.busy() !== false),
    wake() {
      target.renew();
      shared.wake();
      for (const { opened } of own.values()) opened?.wake();
      return true;
    },
    async close() {
      closed = true;
      clearInterval(sweep);
      const opened = [shared, ...[...own.values()].flatMap((ownSession) => (ownSession.opened ? [ownSession.opened] : []))];
      own.clear();
      await Promise.all(opened.map((session) => session.close()));
      await target.close();
    },
  };
  const onLost = (error: UpstreamError) => context.onLost(link, error);
  const shared = await openLegacySession(
    { target, context, capabilities: {}, clientInfo: context.clientInfo, updates: true, onLost },
    signal,
  );
  const sweep = setInterval(() => {
    const before = performance.now() - limits.sessionIdleMs;
    for (const [id, ownSession] of own) if (ownSession.lastUsed < before && ownSession.opened?.busy() === false) end(id, ownSession);
  }, limits.sessionIdleMs / 10).unref();

  async function dedicated(call: UpstreamCall, capabilities: JsonObject): Promise<Outcome> {
    const { peer } = call;
    let ownSession = own.get(peer.id);
    if (!ownSession) {
      makeRoom();
      const session = openLegacySession(
        { target, context, capabilities: bounded(capabilities), clientInfo: peer.clientInfo, updates: false, onLost },
        AbortSignal.timeout(limits.connectMs),
      );
      const fresh: Own = { session, lastUsed: performance.now() };
      ownSession = fresh;
      own.set(peer.id, fresh);
      session.then(
        (opened) => {
          fresh.opened = opened;
          if (closed || own.get(peer.id) !== fresh) void opened.close();
        },
        (error: unknown) => {
          if (own.get(peer.id) === fresh) own.delete(peer.id);
          if (error instanceof UpstreamError && error.problem === 'unreachable') context.onTrouble(error);
        },
      );
    }
    // The least recently used one goes first: the map keeps that order.
    own.delete(peer.id);
    own.set(peer.id, ownSession);
    ownSession.lastUsed = performance.now();
    const session = await before(ownSession.session, call.signal);
    return await session.call(call);
  }

  function makeRoom() {
    if (own.size < limits.sessions) return;
    for (const [id, ownSession] of own)
      if (ownSession.opened?.busy() === false) {
        end(id, ownSession);
        return;
      }
    throw new UpstreamError('unreachable', `${limits.sessions} agents are using it at once, which is the most that Gatehouse allows`);
  }

  function end(id: string, ownSession: Own) {
    own.delete(id);
    ownSession.opened?.close().catch((error: unknown) => log.debug({ err: error, server: entry.id }, 'a session could not be ended'));
  }
  return link;
}

/** The capabilities to declare on behalf of an agent that an upstream can ask something; undefined: the agent can use the shared session. */
function interactive({ peer, onRequest }: Pick<UpstreamCall, 'peer' | 'onRequest'>): JsonObject | undefined {
  let declared: JsonObject | undefined;
  for (const kind of onRequest ? askable : []) {
    const capability = peer.capabilities[kind];
    if (capability === undefined) continue;
    declared ??= {};
    // We cannot tell the upstream when an agent's roots change, so we do not promise it.
    declared[kind] = kind === 'roots' ? {} : capability;
  }
  for (const kind of ['extensions', 'experimental']) {
    const stated = peer.capabilities[kind];
    if (isObject(stated) && Object.keys(stated).length > 0) declared = { ...declared, [kind]: stated };
  }
  return declared;
}

const mostDeclared = 64 * 1024;

/** They are kept in memory as long as the session. If they are too large, extensions and experimental ones are left out. */
function bounded(declared: JsonObject): JsonObject {
  if (Buffer.byteLength(JSON.stringify(declared)) <= mostDeclared) return declared;
  const { extensions: _extensions, experimental: _experimental, ...askable } = declared;
  return askable;
}

/** Waits for work that others may share. An abort ends the waiting, not the work. */
export function before<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    // Nobody waits for it any more, and a rejection that nobody handles ends the process.
    work.catch(() => {});
    return Promise.reject(new UpstreamError('cancelled', 'the call was cancelled'));
  }
  return new Promise((resolve, reject) => {
    const gone = () => reject(new UpstreamError('cancelled', 'the call was cancelled'));
    signal.addEventListener('abort', gone, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', gone));
  });
}
