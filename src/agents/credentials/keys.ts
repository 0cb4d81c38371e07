import type { Agent, Grant } from './file.ts';
import { digest, looksLike } from './token.ts';

/** One bearer token that is good. */
interface Key {
  shown: { name: string };
  /** Path of the only address that it opens; absent: it opens all. */
  resource: string | undefined;
  /** Milliseconds since the epoch. */
  endsAt: number;
  dead: boolean;
}

/** The tokens by their hashes: what the hot path looks at. */
export interface Keys {
  /** Notes all tokens of an agent anew; whatever it had before opens nothing from now on. */
  set(agent: Agent): void;
  drop(agent: Agent): void;
  /** Undefined for a token that is malformed, unknown, over, or for another address. */
  find(token: string, connection: object | undefined, resource: string | undefined): { name: string } | undefined;
  refresh(token: string): { agent: Agent; grant: Grant } | undefined;
  access(token: string): { agent: Agent; grant: Grant } | undefined;
}

export function openKeys(now: () => number): Keys {
  // A look-up by hash needs no constant-time comparison: whoever measures its time learns about hashes, and a hash opens nothing.
  const live = new Map<string, Key>();
  const refreshing = new Map<string, { agent: Agent; grant: Grant }>();
  const granted = new Map<string, { agent: Agent; grant: Grant }>();
  const owned = new Map<Agent, { keys: string[]; refresh: string[] }>();
  // INVARIANT: only what came over a connection opens anything on it, so comparing the texts tells nobody else of them.
  const proven = new WeakMap<object, { token: string; key: Key }>();

  const opens = (key: Key, resource: string | undefined): boolean =>
    !key.dead && (key.resource === undefined || key.resource === resource) && now() < key.endsAt;

  function drop(agent: Agent): void {
    const { keys = [], refresh = [] } = owned.get(agent) ?? {};
    for (const hash of keys) {
      const key = live.get(hash);
      if (key) key.dead = true;
      live.delete(hash);
      granted.delete(hash);
    }
    for (const hash of refresh) refreshing.delete(hash);
    owned.delete(agent);
  }

  return {
    drop,
    set(agent) {
      drop(agent);
      if (agent.revokedAt !== undefined) return;
      const mine = { keys: [] as string[], refresh: [] as string[] };
      const shown = { name: agent.name };
      const ends = agent.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(agent.expiresAt);
      const add = (hash: string, resource: string | undefined, endsAt: number) => {
        live.set(hash, { shown, resource, endsAt: Math.min(endsAt, ends), dead: false });
        mine.keys.push(hash);
      };
      if (agent.hash !== undefined) add(agent.hash, undefined, ends);
      for (const grant of agent.grants ?? []) {
        for (const { hash, expiresAt } of grant.access) {
          add(hash, grant.resource, expiresAt);
          granted.set(hash, { agent, grant });
        }
        for (const { hash } of grant.refresh) {
          refreshing.set(hash, { agent, grant });
          mine.refresh.push(hash);
        }
      }
      owned.set(agent, mine);
    },
    find(token, connection, resource) {
      const last = connection && proven.get(connection);
      if (last?.token === token && opens(last.key, resource)) return last.key.shown;
      if (!looksLike(token, 'gha_', 'gho_')) return undefined;
      const key = live.get(digest(token));
      if (key === undefined || !opens(key, resource)) return undefined;
      if (connection) proven.set(connection, { token, key });
      return key.shown;
    },
    refresh: (token) => (looksLike(token, 'ghr_') ? refreshing.get(digest(token)) : undefined),
    access: (token) => (looksLike(token, 'gho_') ? granted.get(digest(token)) : undefined),
  };
}
