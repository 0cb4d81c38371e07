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
  person: string;
  token?: IssuedToken & { headers: HeaderList };
  fetching?: Promise<HeaderList>;
  /** When the last exchange failed, and how. */
  failed?: { at: number; error: unknown };
  /** When a token was last exchanged because the upstream refused the one before. */
  renewedAt?: number;
}

/** Milliseconds. Exchanges that fail, and those for an upstream that refuses what it gets, are at least this far apart, however many calls there are. */
const gap = 5_000;

/**
 * Calls each upstream with a token that the identity provider made out of the person's own, for that upstream alone (RFC 8693). Tokens live in memory
 * until they end; many calls that want one at once make one exchange.
 */
export function exchangedTokens(options: {
  now(): number;
  /** The present sign-in: another value after each one. What was issued during the one before is forgotten. */
  signIn(): unknown;
  /** Rejects where the person is not signed in any more, or somebody else is. */
  exchange(person: string, target: TokenTarget): Promise<IssuedToken>;
}): Credentials {
  const { now, signIn, exchange } = options;
  const all = new Map<string, Kept>();
  let last: unknown;

  function keptFor(person: string, target: TokenTarget): Kept {
    const present = signIn();
    if (present !== last) all.clear();
    last = present;
    const key = JSON.stringify([person, target.audience, target.resource, target.scope]);
    let kept = all.get(key);
    if (!kept) all.set(key, (kept = { person }));
    return kept;
  }

  function fetch(kept: Kept, target: TokenTarget): Promise<HeaderList> {
    kept.fetching ??= exchange(kept.person, target)
      .then(
        (token) => {
          if (!isBearer.test(token.accessToken)) throw new Error('the identity provider issued a token that is none');
          const headers = ['authorization', `Bearer ${token.accessToken}`];
          kept.token = { ...token, headers };
          delete kept.failed;
          return headers;
        },
        (error: unknown) => {
          kept.failed = { at: now(), error };
          throw error;
        },
      )
      .finally(() => {
        delete kept.fetching;
      });
    return kept.fetching;
  }

  const within = (at: number | undefined): boolean => at !== undefined && Math.abs(now() - at) < gap;

  return {
    headers(entry, person, _signal, refused) {
      const target = targetOf(entry);
      const kept = keptFor(person, target);
      const { token, failed } = kept;
      if (refused !== undefined && token?.headers === refused) {
        if (within(kept.renewedAt)) return refused;
        kept.renewedAt = now();
        delete kept.token;
        return fetch(kept, target);
      }
      if (token && now() < token.expiresAt) {
        if (now() >= token.refreshAt && !within(failed?.at)) fetch(kept, target).catch(() => {});
        return token.headers;
      }
      return within(failed?.at) ? Promise.reject(failed!.error) : fetch(kept, target);
    },
  };
}

/** RFC 6750 section 2.1. */
const isBearer = /^[\w.~+/-]+=*$/;

function targetOf({ auth, url }: ServerEntry): TokenTarget {
  if (auth.type !== 'exchange' || url === undefined) throw new Error('its entry asks for no token exchange');
  const { audience, resource, scope } = auth;
  return {
    ...(audience === undefined ? {} : { audience }),
    // Some providers know audiences only, and refuse a resource.
    ...(resource !== undefined ? { resource } : audience === undefined ? { resource: url } : {}),
    ...(scope === undefined ? {} : { scope }),
  };
}
