import { staysPrivate } from '../../bundle/private-url.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { HeaderList, Refusal } from '../credentials/credentials.ts';
import type { SignInNeeded } from '../upstream.ts';
import { type Challenge, readChallenge, scopesOf, union } from './challenge.ts';
import type { Kept, Store } from './kept.ts';
import type { Refreshing } from './refreshing.ts';
import type { Tickets } from './tickets.ts';
import { ownerOf } from './tokens.ts';

export type OAuthEntry = ServerEntry & { url: string; auth: Extract<ServerEntry['auth'], { type: 'oauth' }> };

/** One request that wants to be authenticated. */
export interface Asked {
  entry: OAuthEntry;
  account: string;
  refused: Refusal | undefined;
}

/** More step-ups than this in an hour are no need but a nuisance. */
const stepUps = { most: 3, withinMs: 3_600_000 };

/** Whether a sign-in is for the server as the company states it now: its address, its authorization server, the client, what the token is for. */
export function fits(kept: Kept, { url, auth }: ServerEntry): boolean {
  if (auth.type !== 'oauth' || kept.url !== url) return false;
  // As a public client it was another one.
  if (auth.clientId !== undefined && (auth.clientSecret === undefined) !== (kept.client.clientSecret === undefined)) return false;
  const { issuer = kept.metadata.issuer, clientId = kept.client.clientId, resource = kept.resource } = auth;
  return (
    issuer === kept.metadata.issuer && clientId === kept.client.clientId && (resource === false ? undefined : resource) === kept.resource
  );
}

export function keptAt(store: Store, entry: ServerEntry): Kept | undefined {
  const kept = store.servers.get(entry.id);
  return kept && fits(kept, entry) ? kept : undefined;
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
  // Without a credential: one list for each entry and person, so that it is known again when it is refused.
  const none = new WeakMap<ServerEntry, Map<string, HeaderList>>();
  /** Why no token goes to an entry, in words; empty: it may. Asked before each request, so it is told once. */
  const unfits = new WeakMap<ServerEntry, string>();
  return headers;

  function headers(store: Store, asked: Asked): HeaderList | Promise<HeaderList> {
    const { entry, account, refused } = asked;
    const kept = keptAt(store, entry);
    if (refused !== undefined) return refusedBy(store, asked, kept, refused);
    // Some servers let everybody list and ask for a sign-in at some tools only. One that wants it says so, and where.
    if (!kept) return anonymous(entry, account);
    // INVARIANT: whatever the bundle says, a person's token goes out over TLS only, or stays on this machine.
    const unfit = unfits.get(entry) ?? unfitFor(entry);
    unfits.set(entry, unfit);
    if (unfit !== '') return Promise.reject(new Error(unfit));
    const list = refreshing.headers({ server: entry.id, account, store }, kept);
    if (list && !('then' in list)) return list;
    return Promise.resolve(list).then((found) => {
      if (found) return found;
      // Another sign-in may have taken its place meanwhile.
      if (keptAt(store, entry) !== kept) return headers(store, { ...asked, refused: undefined });
      throw needed(entry, account, 'the sign-in to it has ended');
    });
  }

  function anonymous(entry: ServerEntry, account: string): HeaderList {
    const lists = none.get(entry) ?? new Map<string, HeaderList>();
    none.set(entry, lists);
    const list = lists.get(account) ?? [];
    lists.set(account, list);
    return list;
  }

  async function refusedBy(store: Store, { entry, account }: Asked, kept: Kept | undefined, refused: Refusal): Promise<HeaderList> {
    // A call that one person began is not made again as the next one.
    const mine = refused.headers.length === 0 ? none.get(entry)?.get(account) === refused.headers : ownerOf(refused.headers) === account;
    if (!mine) return refused.headers;
    const heard = readChallenge(refused.challenge);
    if (!kept) {
      if (refused.status === 401) throw needed(entry, account, 'it wants the person to sign in', { heard });
      return refused.headers;
    }
    if (refused.status === 401) {
      const next =
        refused.headers.length === 0 ? undefined : await refreshing.renew({ server: entry.id, account, store }, kept, refused.headers);
      if (next) return next;
      if (lacking(kept, heard).length > 0 && !mayWiden(entry)) return refused.headers;
      throw needed(entry, account, 'it does not take the present sign-in any more', { heard });
    }
    const wanted = lacking(kept, heard);
    // What was asked for before would not be given this time either. Where no resource limits a token, its scopes are the company's to say.
    if (wanted.length === 0 || entry.auth.resource === false || scopesOf(kept.scope).length + wanted.length > 50) return refused.headers;
    if (!mayWiden(entry)) return refused.headers;
    throw needed(entry, account, 'it wants the person to allow more', { heard, scope: union(kept.scope, heard.scope) });
  }

  /** One that is wanted already is not asked for again. */
  function mayWiden(entry: ServerEntry): boolean {
    if (tickets.of(entry.id) !== undefined) return true;
    const times = (widened.get(entry.id) ?? []).filter((at) => Math.abs(now() - at) < stepUps.withinMs);
    if (times.length >= stepUps.most) return false;
    widened.set(entry.id, [...times, now()]);
    return true;
  }
}

function unfitFor({ url, headers }: OAuthEntry): string {
  if (!staysPrivate(url)) return 'the token would go out in the clear';
  const second = Object.keys(headers).some((name) => name.toLowerCase() === 'authorization');
  return second ? 'its entry has an Authorization of its own' : '';
}

const lacking = (kept: Kept, heard: Challenge): string[] => {
  const had = scopesOf(kept.scope);
  return scopesOf(heard.scope).filter((scope) => !had.includes(scope));
};
