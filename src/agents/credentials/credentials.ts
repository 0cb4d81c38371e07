import { hash, randomBytes } from 'node:crypto';
import { type ErrorValue, Failure } from '../../base/errors.ts';
import { openListeners } from '../../base/listeners.ts';
import type { Log } from '../../base/log.ts';
import type { AgentRow } from '../../contract/agents.ts';
import { type Agent, readAgents, writeAgents } from './file.ts';

/** What is shown of an agent; never its token, which only its owner has. */
export type AgentSummary = Pick<AgentRow, 'name' | 'createdAt' | 'revokedAt' | 'lastSeenAt' | 'client' | 'era'>;

export type AgentEvent = { kind: 'added' | 'revoked' | 'seen'; name: string };

/** The agents' static credentials. The hash of a token identifies its agent; the token itself is printed once and kept nowhere. */
export interface Agents {
  /** Failure('conflict') where a live agent has the name, whatever its case. A revoked name may be given anew: the old token stays dead. */
  add(name: string): { name: string; token: string };
  /** Listeners are told before it is on the disk, so that open sessions end at once. Revoking twice changes nothing. */
  revoke(name: string): void;
  /** Whether a name is taken, whatever its case. */
  isLive(name: string): boolean;
  /** Live agents and, until their name is given anew, revoked ones, in the order they were added. */
  list(): AgentSummary[];
  /**
   * The hot path: one hash and one look-up. Undefined for a token that is malformed, unknown or revoked. `connection`: what the token came over; the same
   * token need not be hashed again on it.
   */
  verify(token: string, connection?: object): { name: string } | undefined;
  /** Notes a sign of life; reaches the disk within a minute. */
  seen(name: string, client?: { name: string; version: string }, era?: 'legacy' | 'modern'): void;
  watch(listener: (event: AgentEvent) => void): () => void;
  /** Set where the file was damaged: it is kept aside, and no agent is let in until it is added anew. */
  error(): ErrorValue | undefined;
  close(): void;
}

const prefix = 'gha_';
const secretLength = 43;
const tokenLength = prefix.length + secretLength + 6;
const flushEvery = 60_000;
// A client chooses its own name and version, also how long they are.
const longest = 200;
const unsaved = 'Check that the data folder is writable and has room, then try again.';

/** A new token: 256 random bits, and a checksum by which a scanner for leaked secrets recognizes it without asking us. */
export function newToken(): string {
  const body = prefix + randomBytes(32).toString('base64url');
  return body + checksum(body);
}

/** Whether a text has the form of a token. Tells a mistyped or cut token from an unknown one, without a list of tokens. */
export function isToken(text: string): boolean {
  return (
    text.length === tokenLength &&
    /^gha_[A-Za-z0-9_-]+$/.test(text) &&
    checksum(text.slice(0, prefix.length + secretLength)) === text.slice(-6)
  );
}

function checksum(body: string): string {
  return hash('sha256', body, 'base64url').slice(0, 6);
}

/** Opens the file of credentials, creating nothing before the first agent. A damaged file lets nobody in. */
export function openAgents(options: { file: string; now: () => number; log: Log }): Agents {
  const { file, now, log } = options;
  const read = readAgents(file, now(), log);
  let { error } = read;
  const byName = new Map(read.agents.map((agent) => [agent.name.toLowerCase(), agent]));
  // A look-up by hash needs no constant-time comparison: whoever measures its time learns about hashes, and a hash opens nothing.
  const live = new Map(read.agents.flatMap((agent) => (agent.revokedAt === undefined ? [[agent.hash, agent] as const] : [])));
  // INVARIANT: only what came over a connection opens anything on it, so comparing the texts tells nobody else of them.
  const proven = new WeakMap<object, { token: string; agent: Agent; shown: { name: string } }>();
  /** When each was last told of, in milliseconds since the epoch. */
  const toldAt = new WeakMap<Agent, number>();
  const listeners = openListeners<AgentEvent>('agents', log);
  let flushing: NodeJS.Timeout | undefined;

  function tell(event: AgentEvent): void {
    listeners.tell(event);
  }

  function flush(): void {
    clearTimeout(flushing);
    flushing = undefined;
    try {
      writeAgents(file, [...byName.values()]);
    } catch (cause) {
      log.warn({ err: cause }, 'agents: signs of life could not be saved');
    }
  }

  return {
    add(name) {
      const taken = byName.get(name.toLowerCase());
      if (taken !== undefined && taken.revokedAt === undefined)
        throw new Failure(
          'conflict',
          `There is an agent named "${taken.name}" already.`,
          `Choose another name, or revoke "${taken.name}" first: its token cannot be shown again.`,
        );
      const token = newToken();
      const agent: Agent = { name, hash: digest(token), createdAt: new Date(now()).toISOString() };
      const next = new Map(byName);
      next.delete(name.toLowerCase());
      next.set(name.toLowerCase(), agent);
      // First to the disk: a token that would be dead after a restart is not handed out.
      try {
        writeAgents(file, [...next.values()]);
      } catch (cause) {
        throw new Failure('unavailable', 'The new agent could not be saved.', unsaved, { cause });
      }
      byName.delete(name.toLowerCase());
      byName.set(name.toLowerCase(), agent);
      live.set(agent.hash, agent);
      error = undefined;
      tell({ kind: 'added', name });
      return { name, token };
    },
    revoke(name) {
      const agent = byName.get(name.toLowerCase());
      if (agent === undefined) throw new Failure('not-found', `There is no agent named "${name}".`, 'See `gatehouse agents list`.');
      if (agent.revokedAt !== undefined) return;
      // First in memory: whatever the disk says, this agent is out.
      agent.revokedAt = new Date(now()).toISOString();
      live.delete(agent.hash);
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
    isLive(name) {
      const agent = byName.get(name.toLowerCase());
      return agent !== undefined && agent.revokedAt === undefined;
    },
    list: () =>
      [...byName.values()].map(({ name, createdAt, revokedAt, lastSeenAt, client, era }) => ({
        name,
        createdAt,
        ...(revokedAt === undefined ? {} : { revokedAt }),
        ...(lastSeenAt === undefined ? {} : { lastSeenAt }),
        ...(client === undefined ? {} : { client: { ...client } }),
        ...(era === undefined ? {} : { era }),
      })),
    verify(token, connection) {
      const last = connection && proven.get(connection);
      if (last?.token === token && last.agent.revokedAt === undefined) return last.shown;
      // The length first, so that a header of megabytes costs no hash.
      if (token.length !== tokenLength || !token.startsWith(prefix)) return undefined;
      const agent = live.get(digest(token));
      if (agent === undefined) return undefined;
      const shown = { name: agent.name };
      if (connection) proven.set(connection, { token, agent, shown });
      return shown;
    },
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
      if (flushing !== undefined) flush();
    },
  };
}

function digest(token: string): string {
  return hash('sha256', token, 'base64url');
}
