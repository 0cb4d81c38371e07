import type { ServerEntry } from '../../bundle/schema.ts';
import type { HeaderList, Refusal } from '../credentials/credentials.ts';
import type { SignInNeeded } from '../upstream.ts';
import { type Challenge, readChallenge, scopesOf, union } from './challenge.ts';
import type { Kept, Store } from './kept.ts';
import type { Refreshing } from './refreshing.ts';
import type { Tickets } from './tickets.ts';

/** One request that wants to be authenticated. */
export interface Asked {
  entry: ServerEntry;
  account: string;
  refused: Refusal | undefined;
}

/** More step-ups than this in an hour are no need but a nuisance. */
const stepUps = { most: 3, withinMs: 3_600_000 };

/** The sign-in that is good for the entry where it is now. */
export function keptAt(store: Store, entry: ServerEntry): Kept | undefined {
  const kept = store.servers.get(entry.id);
  return kept?.url === entry.url ? kept : undefined;
}

/** Gives the headers of requests, and rejects with what the person has to do where there are none. */
export function openHeaders(options: {
  now(): number;
  tickets: Tickets;
  refreshing: Refreshing;
  needed(entry: ServerEntry, account: string, why: string, wants?: { scope?: string; heard?: Challenge }): SignInNeeded;
}): (store: Store, asked: Asked) => HeaderList | Promise<HeaderList> {
  const { now, tickets, refreshing, needed } = options;
  const widened = new Map<string, number[]>();
  const none = new WeakMap<ServerEntry, HeaderList>();
  return headers;

  function headers(store: Store, asked: Asked): HeaderList | Promise<HeaderList> {
    const { entry, account, refused } = asked;
    const kept = keptAt(store, entry);
    if (refused !== undefined) return refusedBy(store, asked, kept, refused);
    // Some servers let everybody list and ask for a sign-in at some tools only. One that wants it says so, and where.
    if (!kept) return anonymous(entry);
    const list = refreshing.headers(entry.id, kept, store);
    if (list && !('then' in list)) return list;
    return Promise.resolve(list).then((found) => {
      if (found) return found;
      // Another sign-in may have taken its place meanwhile.
      if (keptAt(store, entry) !== kept) return headers(store, { ...asked, refused: undefined });
      throw needed(entry, account, 'the sign-in to it has ended');
    });
  }

  function anonymous(entry: ServerEntry): HeaderList {
    const list = none.get(entry) ?? [];
    none.set(entry, list);
    return list;
  }

  async function refusedBy(store: Store, { entry, account }: Asked, kept: Kept | undefined, refused: Refusal): Promise<HeaderList> {
    const heard = readChallenge(refused.challenge);
    if (!kept) {
      if (refused.status === 401) throw needed(entry, account, 'it wants the person to sign in', { heard });
      return refused.headers;
    }
    if (refused.status === 401) {
      const next = await refreshing.renew(entry.id, kept, store, refused.headers);
      if (next) return next;
      throw needed(entry, account, 'it does not take the present sign-in any more', { heard });
    }
    const had = scopesOf(kept.scope);
    const lacking = scopesOf(heard.scope).filter((scope) => !had.includes(scope));
    const times = (widened.get(entry.id) ?? []).filter((at) => Math.abs(now() - at) < stepUps.withinMs);
    // What was asked for before would not be given this time either.
    if (lacking.length === 0 || had.length + lacking.length > 50) return refused.headers;
    if (tickets.of(entry.id) === undefined) {
      if (times.length >= stepUps.most) return refused.headers;
      widened.set(entry.id, [...times, now()]);
    }
    throw needed(entry, account, 'it wants the person to allow more', { heard, scope: union(kept.scope, heard.scope) });
  }
}
