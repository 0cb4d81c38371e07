import { staysPrivate } from '../../bundle/private-url.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Credentials, HeaderList } from './credentials.ts';

/** What a token is wanted for: parameters of RFC 8693 section 2.1. */
export interface TokenTarget {
  audience?: string;
  resource?: string;
  scope?: string;
}

/** A token that the identity provider issued for one upstream. Times by the host's clock, in milliseconds. */
export interface IssuedToken {
  accessToken: string;
  /** From when on the next one is fetched ahead of need. */
  refreshAt: number;
  expiresAt: number;
}

interface Kept {
  token?: IssuedToken & { headers: HeaderList };
  fetching?: Promise<HeaderList>;
  /** When the last exchange failed, and how. */
  failed?: { at: number; error: unknown };
  /** When a token was last exchanged because the upstream refused the one before. */
  renewedAt?: number;
}

/** Milliseconds. Exchanges that fail, and those for an upstream that refuses what it gets, are at least this far apart, however many calls there are. */
const gap = 5_000;
/** Milliseconds. A token that lives shorter is none. */
const shortest = 1_000;
/** Characters: more than servers take in a header. */
const longest = 16_384;

/**
 * Calls each upstream with a token that the identity provider made out of the person's own, for that upstream alone (RFC 8693). Tokens live in memory
 * until they end; many calls that want one at once make one exchange.
 */
export function exchangedTokens(options: {
  now(): number;
  /** The present sign-in: another value after each one. What was issued during the one before is not given out any more. */
  signIn(): unknown;
  /** Rejects where the person is not signed in any more, or somebody else is. */
  exchange(person: string, target: TokenTarget): Promise<IssuedToken>;
}): Credentials {
  const { now, signIn, exchange } = options;
  const all = new Map<string, Kept>();
  const issuedIn = new WeakMap<HeaderList, unknown>();
  let present: unknown;

  function fetch(kept: Kept, person: string, target: TokenTarget): Promise<HeaderList> {
    const during = present;
    kept.fetching ??= exchange(person, target)
      .then((token) => {
        if (!isBearer.test(token.accessToken) || token.accessToken.length > longest || !(token.expiresAt - now() >= shortest))
          throw new Error('the identity provider issued a token that cannot be used');
        const headers = ['authorization', `Bearer ${token.accessToken}`];
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
      const target = targetOf(entry);
      const mine = signIn();
      if (mine !== present) all.clear();
      present = mine;
      // A call that was begun by another person, or before a sign-in, is not made again as this one.
      if (refused !== undefined && (refused.status !== 401 || issuedIn.get(refused.headers) !== mine)) return refused.headers;
      // One for each server, whatever they share: what one of them refuses must not disturb the others.
      const key = JSON.stringify([person, entry.id, target.audience, target.resource, target.scope]);
      const kept = all.get(key) ?? {};
      all.set(key, kept);
      const { token, failed } = kept;
      if (refused !== undefined && token?.headers === refused.headers) {
        if (!kept.fetching && within(kept.renewedAt)) return refused.headers;
        kept.renewedAt = now();
        // The old one is kept until there is a new one: the server may have been wrong.
        return fetch(kept, person, target).catch(() => refused.headers);
      }
      if (token && now() < token.expiresAt) {
        if (now() >= token.refreshAt && !within(failed?.at)) fetch(kept, person, target).catch(() => {});
        return token.headers;
      }
      return within(failed?.at) ? Promise.reject(failed!.error) : fetch(kept, person, target);
    },
  };
}

/** RFC 6750 section 2.1. */
const isBearer = /^[\w.~+/-]+=*$/;

/** INVARIANT: whatever the bundle says, a person's token goes out over TLS only, or stays on this machine. */
function targetOf({ auth, url, headers }: ServerEntry): TokenTarget {
  if (auth.type !== 'exchange' || url === undefined) throw new Error('its entry asks for no token exchange');
  if (!staysPrivate(url)) throw new Error('the token would go out in the clear');
  if (Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'))
    throw new Error('its entry has an Authorization of its own');
  const { audience, resource, scope } = auth;
  return {
    ...(audience === undefined ? {} : { audience }),
    // Some providers know audiences only, and refuse a resource.
    ...(resource !== undefined ? { resource } : audience === undefined ? { resource: plainly(url) } : {}),
    ...(scope === undefined ? {} : { scope }),
  };
}

/** A query may hold a key, and a resource has no fragment (RFC 8707 section 2). */
function plainly(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
