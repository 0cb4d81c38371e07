import { randomBytes } from 'node:crypto';
import type { Agent, Grant } from './file.ts';
import type { Keys } from './keys.ts';
import { digest, newToken, tokenKinds } from './token.ts';

/** What a client gets; neither token is kept, only their hashes. */
export interface Tokens {
  accessToken: string;
  refreshToken: string;
  /** Seconds. */
  expiresIn: number;
}

/** What the person gave, and to whom. */
export interface Given {
  /** The agent's name. An agent of this client that has the name already signs in again; any other must not have it. */
  name: string;
  /** `client_id`. */
  client: string;
  /** Path of the address. */
  resource: string;
  /** Absent: all servers. */
  servers?: readonly string[] | undefined;
  /** ISO 8601; absent: until it is revoked. */
  expiresAt?: string | undefined;
}

/** Tokens of OAuth, all opaque: access for an hour, refresh tokens that are replaced at each use (RFC 9700 section 4.14.2). */
export interface Grants {
  /** Throws Failure('conflict') where another live agent has the name, Failure('unavailable') where it cannot be kept. `id`: of the grant. */
  give(given: Given): { id: string; tokens: Tokens };
  /**
   * Undefined for a token that is unknown, over, or another client's or address's. One that was replaced a while ago was copied: nobody can tell who
   * is the thief, so everything of its family ends.
   */
  refresh(token: string, client: string, resource: string | undefined): Tokens | undefined;
  /** RFC 7009: a refresh token takes its whole family with it, an access token goes alone. A token of another client stays. */
  revoke(token: string, client: string): void;
  /** Ends all that a client has, whichever agents it came in as. */
  endClient(client: string): void;
  /** Ends all that came of one code, which was used twice. */
  end(id: string): void;
  /** Lets a program in that is known by its pipe and so needs no token. It has one agent at an address: whatever it had there before ends. Throws as `give`. */
  admit(given: Given): void;
  /** The live agent that a program may come in as at an address. */
  holder(client: string, resource: string): { name: string } | undefined;
}

export const accessSeconds = 3600;
/** Milliseconds in which a refresh token that was just replaced still works: several processes of one agent share it and come at the same time. */
const graceMs = 30_000;
/** Milliseconds without use after which a refresh token is over. */
const idleMs = 30 * 86_400_000;
/** Bounds for each grant, and for each agent: processes of one agent. Spent ones are remembered to recognize a copy. */
const most = { access: 32, fresh: 32, spent: 64, grants: 16, uses: 32 };

/** Why what an agent came in with ended: a copy was used, the company blocks it, the agent signed out, or its time is over. */
export type EndedBy = 'reuse' | 'company' | 'agent' | 'time';

/** Undefined takes a member away. */
export type Changes = { [Key in 'servers' | 'expiresAt' | 'grants']?: Agent[Key] | undefined };

/** What the grants need of the agents they belong to. */
interface Store {
  keys: Keys;
  now(): number;
  find(name: string): Agent | undefined;
  /** Adds it in place of a revoked one, or throws. */
  add(agent: Agent): void;
  /** First to the disk, then for good; throws where that fails. */
  change(agent: Agent, fields: Changes): void;
  /** First in memory: whatever the disk says, these are out. */
  withdraw(agent: Agent, grants: Grant[], why?: EndedBy): void;
  all(): Iterable<Agent>;
}

export function openGrants(store: Store): Grants {
  const { keys, now } = store;

  /** The grant with one more pair of tokens, and without what is over. */
  function extended(grant: Grant): { grant: Grant; tokens: Tokens } {
    const at = now();
    const [accessToken, refreshToken] = [newToken(tokenKinds.access), newToken(tokenKinds.refresh)];
    const kept = grant.refresh.filter((entry) => at - entry.at < idleMs);
    const spent = kept.filter((entry) => entry.spentAt !== undefined).slice(-most.spent);
    const fresh = kept.filter((entry) => entry.spentAt === undefined).slice(1 - most.fresh);
    const access = grant.access.filter(({ expiresAt }) => expiresAt > at).slice(1 - most.access);
    return {
      grant: {
        ...grant,
        refresh: [...spent, ...fresh, { hash: digest(refreshToken), at }],
        access: [...access, { hash: digest(accessToken), expiresAt: at + accessSeconds * 1000 }],
      },
      tokens: { accessToken, refreshToken, expiresIn: accessSeconds },
    };
  }

  const without = (agent: Agent, grant: Grant): Grant[] => (agent.grants ?? []).filter((other) => other !== grant);

  const bare = ({ client, resource }: Given): Grant => ({
    id: randomBytes(16).toString('base64url'),
    client,
    resource,
    createdAt: new Date(now()).toISOString(),
    refresh: [],
    access: [],
  });

  /** `stays`: which of the agent's other grants do. */
  function keep({ name, client, servers, expiresAt }: Given, grant: Grant, stays: (other: Grant) => boolean = () => true): void {
    const limits = { servers: servers && [...servers], expiresAt };
    const same = store.find(name);
    if (same?.revokedAt === undefined && same?.client_id === client)
      store.change(same, { ...limits, grants: [...(same.grants ?? []).filter(stays).slice(1 - most.grants), grant] });
    else store.add({ name, createdAt: grant.createdAt, client_id: client, grants: [grant], ...defined(limits) });
  }

  return {
    give(given) {
      const { grant, tokens } = extended(bare(given));
      keep(given, grant);
      return { id: grant.id, tokens };
    },
    admit(given) {
      const isOld = (grant: Grant) => grant.client === given.client && grant.resource === given.resource;
      keep(given, bare(given), (grant) => !isOld(grant));
      for (const agent of store.all())
        if (agent !== store.find(given.name) && agent.grants?.some(isOld))
          store.withdraw(
            agent,
            agent.grants.filter((grant) => !isOld(grant)),
          );
    },
    holder(client, resource) {
      for (const { name, client_id, revokedAt, expiresAt, grants } of store.all())
        if (client_id === client && revokedAt === undefined && grants?.some((grant) => grant.resource === resource))
          if (expiresAt === undefined || now() < Date.parse(expiresAt)) return { name };
      return undefined;
    },
    refresh(token, client, resource) {
      const found = keys.refresh(token);
      if (found === undefined) return undefined;
      const { agent, grant } = found;
      if (grant.client !== client || (resource !== undefined && resource !== grant.resource)) return undefined;
      const at = now();
      if (agent.expiresAt !== undefined && at >= Date.parse(agent.expiresAt)) return undefined;
      const hash = digest(token);
      const used = grant.refresh.find((entry) => entry.hash === hash)!;
      if (at - used.at >= idleMs) return undefined;
      const uses = (used.uses ?? 0) + 1;
      if (used.spentAt !== undefined && (Math.abs(at - used.spentAt) > graceMs || uses > most.uses)) {
        store.withdraw(agent, without(agent, grant), 'reuse');
        return undefined;
      }
      const next = extended({
        ...grant,
        refresh: grant.refresh.map((entry) => (entry === used ? { ...entry, spentAt: entry.spentAt ?? at, uses } : entry)),
      });
      store.change(agent, { grants: (agent.grants ?? []).map((other) => (other === grant ? next.grant : other)) });
      return next.tokens;
    },
    revoke(token, client) {
      const family = keys.refresh(token);
      if (family?.grant.client === client) return store.withdraw(family.agent, without(family.agent, family.grant), 'agent');
      const one = keys.access(token);
      if (one?.grant.client !== client) return;
      const hash = digest(token);
      const { agent, grant } = one;
      const next = { ...grant, access: grant.access.filter((entry) => entry.hash !== hash) };
      store.withdraw(
        agent,
        (agent.grants ?? []).map((other) => (other === grant ? next : other)),
      );
    },
    endClient(client) {
      for (const agent of store.all()) {
        const kept = agent.grants?.filter((grant) => grant.client !== client);
        if (kept && kept.length < agent.grants!.length) store.withdraw(agent, kept, 'company');
      }
    },
    end(id) {
      for (const agent of store.all()) {
        const grant = agent.grants?.find((each) => each.id === id);
        if (grant) return store.withdraw(agent, without(agent, grant), 'reuse');
      }
    },
  };
}

/** A member that is undefined would not be as the file's schema has it after a restart. */
const defined = <T extends object>(fields: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
