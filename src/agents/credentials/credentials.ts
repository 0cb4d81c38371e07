import { type ErrorValue, Failure } from '../../base/errors.ts';
import { openListeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import type { AgentRow } from '../../contract/agents.ts';
import { type Agent, readAgents, writeAgents } from './file.ts';
import { type Changes, type EndedBy, type Grants, openGrants } from './grants.ts';
import { openKeys } from './keys.ts';
import { digest, newToken } from './token.ts';

/** What is shown of an agent; never its token, which only its owner has. */
export type AgentSummary = Omit<AgentRow, 'sessions' | 'callsToday'>;

/** `ended`: something that it came in with opens nothing any more, and whatever it has open must end. `changed`: what it may reach. */
export type AgentEvent = { kind: 'added' | 'revoked' | 'ended' | 'changed' | 'seen'; name: string; why?: EndedBy };

/** The agents' credentials: static tokens, and what was granted by OAuth. Hashes identify agents; a token is given out once and kept nowhere. */
export interface Agents {
  /** With a static token. Failure('conflict') where a live agent has the name, whatever its case. A revoked name may be given anew: the old token stays dead. */
  add(name: string, servers?: readonly string[]): { name: string; token: string };
  /** Listeners are told before it is on the disk, so that open sessions end at once. Revoking twice changes nothing. */
  revoke(name: string): void;
  /** From now on it reaches these servers only, whatever it came in with; undefined: all that the company's rules allow. */
  limit(name: string, servers: readonly string[] | undefined): void;
  /** Whether its person lets it reach a server. For an agent that is not known: yes, as it has no credential to come in with. */
  reaches(name: string, server: string): boolean;
  /** Whether a name is taken, whatever its case. */
  isLive(name: string): boolean;
  /** Live agents and, until their name is given anew, revoked ones, in the order they were added. */
  list(): AgentSummary[];
  /**
   * The hot path: one hash and one look-up. Undefined for a token that is malformed, unknown, revoked, over, or granted for another address than
   * `resource` (a path). `connection`: what the token came over; the same token need not be hashed again on it.
   */
  verify(token: string, connection?: object, resource?: string): { name: string } | undefined;
  /** What agents that signed in by themselves hold. */
  readonly grants: Grants;
  /** Notes a sign of life; reaches the disk within a minute. */
  seen(name: string, client?: { name: string; version: string }, era?: 'legacy' | 'modern'): void;
  watch(listener: (event: AgentEvent) => void): () => void;
  /** Set where the file was damaged: it is kept aside, and no agent is let in until it is added anew. */
  error(): ErrorValue | undefined;
  close(): void;
}

const flushEvery = 60_000;
// A client chooses its own name and version, also how long they are.
const longest = 200;
const unsaved = 'Check that the data folder is writable and has room, then try again.';
/** Milliseconds: how late the sessions of an agent may end whose time is over. Its next request is refused at once. */
const expiryEvery = 5_000;

/** Opens the file of credentials, creating nothing before the first agent. A damaged file lets nobody in. */
export function openAgents(options: { file: string; now: () => number; log: Log }): Agents {
  const { file, now, log } = options;
  const read = readAgents(file, now(), log);
  let { error } = read;
  const byName = new Map(read.agents.map((agent) => [agent.name.toLowerCase(), agent]));
  const keys = openKeys(now);
  for (const agent of read.agents) keys.set(agent);
  /** When each was last told of, in milliseconds since the epoch. */
  const toldAt = new WeakMap<Agent, number>();
  const listeners = openListeners<AgentEvent>('agents', log);
  let flushing: NodeJS.Timeout | undefined;
  const isOver = ({ expiresAt }: Agent) => expiresAt !== undefined && now() >= Date.parse(expiresAt);
  const over = new Set(read.agents.filter(isOver));
  const expiring = setInterval(() => {
    for (const agent of byName.values()) {
      if (agent.revokedAt !== undefined || isOver(agent) === over.has(agent)) continue;
      if (over.delete(agent)) continue;
      over.add(agent);
      tell({ kind: 'ended', name: agent.name, why: 'time' });
    }
  }, expiryEvery).unref();

  function tell(event: AgentEvent): void {
    listeners.tell(event);
  }

  function flush(): void {
    clearTimeout(flushing);
    flushing = undefined;
    try {
      writeAgents(file, [...byName.values()]);
    } catch (cause) {
      log.warn({ err: cause }, 'agents: signs of life, or what was taken back, could not be saved; it is tried again');
      flushing = setTimeout(flush, flushEvery).unref();
    }
  }

  /** First to the disk: a token that would be dead after a restart is not handed out. */
  function save(agents: Iterable<Agent>, what: string): void {
    try {
      writeAgents(file, [...agents]);
    } catch (cause) {
      throw new Failure('unavailable', `${what} could not be saved.`, unsaved, { cause });
    }
  }

  function insert(agent: Agent): void {
    const key = agent.name.toLowerCase();
    const taken = byName.get(key);
    if (taken !== undefined && taken.revokedAt === undefined)
      throw new Failure(
        'conflict',
        `There is an agent named "${taken.name}" already.`,
        `Choose another name, or revoke "${taken.name}" first: its token cannot be shown again.`,
      );
    const next = new Map(byName);
    next.delete(key);
    next.set(key, agent);
    save(next.values(), 'The new agent');
    byName.delete(key);
    byName.set(key, agent);
    keys.set(agent);
    error = undefined;
    tell({ kind: 'added', name: agent.name });
  }

  function change(agent: Agent, fields: Changes): void {
    const changed = { ...agent, ...fields } as Agent;
    save(
      [...byName.values()].map((each) => (each === agent ? changed : each)),
      `What changed for "${agent.name}"`,
    );
    Object.assign(agent, fields);
    keys.set(agent);
    over.delete(agent);
    if ('servers' in fields) tell({ kind: 'changed', name: agent.name });
  }

  const found = (name: string): Agent => {
    const agent = byName.get(name.toLowerCase());
    if (agent === undefined) throw new Failure('not-found', `There is no agent named "${name}".`, 'See `gatehouse agents list`.');
    return agent;
  };

  return {
    add(name, servers) {
      const token = newToken();
      insert({
        name,
        hash: digest(token),
        createdAt: new Date(now()).toISOString(),
        ...(servers === undefined ? {} : { servers: [...servers] }),
      });
      return { name, token };
    },
    revoke(name) {
      const agent = found(name);
      if (agent.revokedAt !== undefined) return;
      // First in memory: whatever the disk says, this agent is out.
      agent.revokedAt = new Date(now()).toISOString();
      delete agent.grants;
      keys.drop(agent);
      tell({ kind: 'revoked', name: agent.name });
      try {
        writeAgents(file, [...byName.values()]);
      } catch (cause) {
        throw new Failure(
          'unavailable',
          `"${agent.name}" is locked out, but only until Gatehouse restarts: it could not be saved.`,
          unsaved,
          { cause },
        );
      }
    },
    limit(name, servers) {
      const agent = found(name);
      if (agent.revokedAt !== undefined)
        throw new Failure('not-found', `"${agent.name}" is revoked and reaches nothing.`, 'Add it anew with `gatehouse agents add NAME`.');
      change(agent, { servers: servers && [...servers] });
    },
    isLive(name) {
      const agent = byName.get(name.toLowerCase());
      return agent !== undefined && agent.revokedAt === undefined;
    },
    reaches: (name, server) => byName.get(name.toLowerCase())?.servers?.includes(server) ?? true,
    list: () =>
      [...byName.values()].map((agent) => {
        const { name, createdAt, revokedAt, lastSeenAt, client, era, servers, expiresAt, client_id } = agent;
        return {
          name,
          createdAt,
          ...(revokedAt === undefined ? {} : { revokedAt }),
          ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
          ...(client === undefined ? {} : { client: { ...client } }),
          ...(era === undefined ? {} : { era }),
          ...(servers === undefined ? {} : { servers: [...servers] }),
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(client_id === undefined ? {} : { signIn: { client: client_id, open: (agent.grants ?? []).length > 0 } }),
        };
      }),
    verify: (token, connection, resource) => keys.find(token, connection, resource),
    grants: openGrants({
      keys,
      now,
      find: (name) => byName.get(name.toLowerCase()),
      add: insert,
      change,
      withdraw(agent, grants, why) {
        agent.grants = grants;
        keys.set(agent);
        tell({ kind: 'ended', name: agent.name, ...(why === undefined ? {} : { why }) });
        flush();
      },
      all: () => byName.values(),
    }),
    seen(name, client, era) {
      const agent = byName.get(name.toLowerCase());
      if (agent === undefined || agent.revokedAt !== undefined) return;
      const at = now();
      const before = toldAt.get(agent) ?? 0;
      const isOther = (said: string, noted: string | undefined) => said.slice(0, longest) !== noted;
      const renamed = client !== undefined && (isOther(client.name, agent.client?.name) || isOther(client.version, agent.client?.version));
      const changed = renamed || (era !== undefined && era !== agent.era);
      // Called for each request: between two calls of a burst there is nothing to tell.
      if (!changed && Math.abs(at - before) < 1000) return;
      toldAt.set(agent, at);
      agent.lastSeenAt = new Date(at).toISOString();
      if (era !== undefined) agent.era = era;
      if (renamed) agent.client = { name: client.name.slice(0, longest), version: client.version.slice(0, longest) };
      flushing ??= setTimeout(flush, flushEvery).unref();
      tell({ kind: 'seen', name: agent.name });
    },
    watch: (listener) => listeners.add(listener),
    error: () => error,
    close() {
      clearInterval(expiring);
      if (flushing !== undefined) flush();
      clearTimeout(flushing);
    },
  };
}
