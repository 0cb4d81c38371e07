import { randomBytes, randomInt } from 'node:crypto';
import type { Client } from './metadata.ts';
import type { Redirect } from './redirects.ts';

/** What a client asks for, checked: everything but the person's word. */
export interface Asked {
  client: Client;
  redirect: Redirect;
  state: string | undefined;
  /** S256 */
  challenge: string;
  /** Path of the address. */
  resource: string;
  /** As the browser was sent here: what the client compares `iss` with. */
  issuer: string;
}

/** What the person lets an agent reach, and until when. */
export interface Limits {
  servers?: readonly string[] | undefined;
  /** ISO 8601 */
  expiresAt?: string | undefined;
}

/** What the person decided. */
export type Decision = Allowed | { allow: false };
export type Allowed = { allow: true; name: string } & Limits;

export const isCalled = (name: string, other: string): boolean => name.toLowerCase() === other.toLowerCase();

export interface Pending extends Asked {
  /** Short, shown in the browser and in the window, so that a person can tell two requests apart; no secret. */
  id: string;
  /** What the waiting page has in its address; a secret of that page. */
  wait: string;
  /** Milliseconds since the epoch. */
  at: number;
  decision: Decision | undefined;
  /** Who listens where the answer goes. */
  program?: string;
}

/** Requests that wait for the person. They live in memory: after a restart the agent asks again. */
export interface Requests {
  /** Undefined where too many wait already. A fourth of the same client takes the place of its first. */
  add(asked: Asked): Pending | undefined;
  /** Undecided, oldest first. */
  open(): Pending[];
  find(id: string): Pending | undefined;
  waiting(wait: string): Pending | undefined;
  /** Wakes whoever waits. */
  decide(pending: Pending, decision: Decision): void;
  /** Resolves once it is decided, or after some time, or when the signal says so. */
  decided(pending: Pending, milliseconds: number, signal: AbortSignal): Promise<void>;
  /** An agent was revoked: what was allowed under its name and is not given out yet is denied. */
  forget(name: string): void;
  /** The person said something else of an agent: it goes for what was allowed to its client under its name before, too. */
  limit(client: string, name: string, limits: Limits): void;
  /** Its answer was given out. */
  drop(pending: Pending): void;
  close(): void;
}

/** Milliseconds. */
export const consentMs = 10 * 60_000;
const most = { open: 12, ofOneClient: 3 };
// No letter or digit that is taken for another, and no vowel, so that no word comes out.
const alphabet = 'BCDFGHJKMPQRTVWXYZ346789';

export function openRequests(options: { now: () => number; changed: () => void; expired(pending: Pending): void }): Requests {
  const { now, changed } = options;
  const all = new Set<Pending>();
  const wakers = new Map<Pending, Set<() => void>>();
  const timers = new Map<Pending, NodeJS.Timeout>();

  function drop(pending: Pending): void {
    if (!all.delete(pending)) return;
    clearTimeout(timers.get(pending));
    timers.delete(pending);
    for (const wake of wakers.get(pending) ?? []) wake();
    wakers.delete(pending);
    changed();
  }

  function decide(pending: Pending, decision: Decision): void {
    pending.decision = decision;
    for (const wake of wakers.get(pending) ?? []) wake();
    changed();
  }

  // By the clock as well: while a machine sleeps, no timer runs.
  const open = () => [...all].filter((pending) => pending.decision === undefined && now() - pending.at < consentMs);

  return {
    add(asked) {
      const same = open().filter(({ client }) => client.id === asked.client.id);
      if (same.length >= most.ofOneClient) drop(same[0]!);
      else if (all.size >= most.open) return undefined;
      const letters = () => Array.from({ length: 3 }, () => alphabet[randomInt(alphabet.length)]).join('');
      const pending: Pending = {
        ...asked,
        id: `${letters()}-${letters()}`,
        wait: randomBytes(32).toString('base64url'),
        at: now(),
        decision: undefined,
      };
      all.add(pending);
      // Undecided means no; the page then has a minute to hear it.
      const timer = setTimeout(() => {
        if (pending.decision === undefined) {
          decide(pending, { allow: false });
          options.expired(pending);
        }
        timers.set(pending, setTimeout(() => drop(pending), 60_000).unref());
      }, consentMs).unref();
      timers.set(pending, timer);
      changed();
      return pending;
    },
    open,
    find: (id) => open().find((pending) => pending.id.replace('-', '') === id.toUpperCase().replaceAll(/[^A-Z0-9]/g, '')),
    waiting: (wait) => [...all].find((pending) => pending.wait === wait),
    decide,
    drop,
    forget(name) {
      for (const pending of all) if (pending.decision?.allow && isCalled(pending.decision.name, name)) pending.decision = { allow: false };
    },
    limit(client, name, limits) {
      for (const pending of all) {
        const { decision } = pending;
        if (decision?.allow && pending.client.id === client && isCalled(decision.name, name)) pending.decision = { ...decision, ...limits };
      }
    },
    decided(pending, milliseconds, signal) {
      if (pending.decision !== undefined || !all.has(pending) || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const mine = wakers.get(pending) ?? new Set();
        wakers.set(pending, mine);
        const done = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          mine.delete(done);
          resolve();
        };
        const timer = setTimeout(done, milliseconds).unref();
        signal.addEventListener('abort', done, { once: true });
        mine.add(done);
      });
    },
    close() {
      for (const pending of [...all]) drop(pending);
    },
  };
}
