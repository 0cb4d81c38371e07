import type { ServerEntry } from '../../bundle/schema.ts';
import type { Credentials } from './credentials.ts';
import { heldTokens, type IssuedToken, mayHaveToken, type TokenTarget } from './held-tokens.ts';

/** Calls each upstream with a token that the identity provider made out of the person's own, for that upstream alone (RFC 8693). */
export function exchangedTokens(options: {
  now(): number;
  /** The present sign-in: another value after each one. */
  signIn(): unknown;
  /** Rejects where the person is not signed in any more, or somebody else is. */
  exchange(person: string, target: TokenTarget): Promise<IssuedToken>;
}): Credentials {
  return heldTokens({
    ...options,
    want(entry, person) {
      const target = targetOf(entry);
      return { key: [target.audience, target.resource, target.scope], issue: () => options.exchange(person, target) };
    },
  });
}

function targetOf(entry: ServerEntry): TokenTarget {
  const { auth } = entry;
  if (auth.type !== 'exchange') throw new Error('its entry asks for no token exchange');
  const url = mayHaveToken(entry);
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
