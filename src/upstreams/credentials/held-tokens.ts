import { staysPrivate } from '../../bundle/private-url.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { bearer, isBearer } from './bearer.ts';
import type { Credentials, HeaderList } from './credentials.ts';

/** What a token is wanted for: parameters of RFC 8693 section 2.1. */
export interface TokenTarget {
  audience?: string;
  resource?: string;
  scope?: string;
}

/** A token that was issued for one upstream. Times by the host's clock, in milliseconds. */
export interface IssuedToken {
  accessToken: string;
  /** From when on the next one is fetched ahead of need. */
  refreshAt: number;
  expiresAt: number;
}

interface Kept {
  token?: IssuedToken & { headers: HeaderList };
  fetching?: Promise<HeaderList>;
  /** When the last request failed, and how. */
  failed?: { at: number; error: unknown };
  /** When a token was last fetched because the upstream refused the one before. */
  renewedAt?: number;
}

/** Milliseconds. Requests that fail, and those for an upstream that refuses what it gets, are at least this far apart, however many calls there are. */
const gap = 5_000;
/** Milliseconds. A token that lives shorter is none. */
const shortest = 1_000;

/** Tokens that somebody issues for upstreams. They live in memory until they end; many calls that want one at once make one request. */
export function heldTokens(options: {
  now(): number;
  /** The present sign-in: another value after each one. What was issued during the one before is not given out any more. */
  signIn(): unknown;
  /** One token for each `key`. Throws where the entry may not get one. */
  want(entry: ServerEntry, person: string): { key: readonly unknown[]; issue(): Promise<IssuedToken> };
}): Credentials {
  const { now, signIn, want } = options;
  const all = new Map<string, Kept>();
  const issuedIn = new WeakMap<HeaderList, unknown>();
  let present: unknown;

  function fetch(kept: Kept, issue: () => Promise<IssuedToken>): Promise<HeaderList> {
    const during = present;
    kept.fetching ??= issue()
      .then((token) => {
        if (!isBearer(token.accessToken) || !(token.expiresAt - now() >= shortest))
          throw new Error('the token that was issued for it cannot be used');
        const headers = bearer(token.accessToken);
        issuedIn.set(headers, during);
        kept.token = { ...token, headers };
        delete kept.failed;
        return headers;
      })
      .catch((error: unknown) => {
        kept.failed = { at: now(), error };
        throw error;
      })
      .finally(() => {
        delete kept.fetching;
      });
    return kept.fetching;
  }

  const within = (at: number | undefined): boolean => at !== undefined && Math.abs(now() - at) < gap;

  return {
    headers(entry, person, _signal, refused) {
      const { key: named, issue } = want(entry, person);
      const mine = signIn();
      if (mine !== present) all.clear();
      present = mine;
      // A call that was begun by another person, or before a sign-in, is not made again as this one.
      if (refused !== undefined && (refused.status !== 401 || issuedIn.get(refused.headers) !== mine)) return refused.headers;
      // One for each server, whatever they share: what one of them refuses must not disturb the others.
      const key = JSON.stringify([person, entry.id, ...named]);
      const kept = all.get(key) ?? {};
      all.set(key, kept);
      const { token, failed } = kept;
      if (refused !== undefined && token?.headers === refused.headers) {
        if (!kept.fetching && within(kept.renewedAt)) return refused.headers;
        kept.renewedAt = now();
        // The old one is kept until there is a new one: the server may have been wrong.
        return fetch(kept, issue).catch(() => refused.headers);
      }
      if (token && now() < token.expiresAt) {
        if (now() >= token.refreshAt && !within(failed?.at)) fetch(kept, issue).catch(() => {});
        return token.headers;
      }
      return within(failed?.at) ? Promise.reject(failed!.error) : fetch(kept, issue);
    },
  };
}

/** INVARIANT: whatever the bundle says, a token goes out over TLS only, or stays on this machine. */
export function mayHaveToken({ url, headers }: ServerEntry): string {
  if (url === undefined) throw new Error('its entry asks for no token');
  if (!staysPrivate(url)) throw new Error('the token would go out in the clear');
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'))
    throw new Error('its entry has an Authorization of its own');
  return url;
}
