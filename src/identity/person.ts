import type { Log } from '../base/log.ts';
import type { Person } from '../contract/company.ts';

/**
 * Who signed in, from the claims of a validated ID token. For display only: decisions use the groups in the signed bundle,
 * never what is read here (docs/adr/0010).
 */
export function personFrom(claims: Record<string, unknown>, groupsClaim: string, log: Log): Person {
  const name = text(claims['name']) ?? text(claims['preferred_username']);
  const email = text(claims['email']);
  return {
    sub: String(claims['sub']),
    ...(name === undefined ? {} : { name }),
    ...(email === undefined ? {} : { email }),
    groups: groupsFrom(claims, groupsClaim, log),
  };
}

/** Reads a claim by its exact name (`https://example.com/groups`) or else by its path (`realm_access.roles`). */
export function groupsFrom(claims: Record<string, unknown>, groupsClaim: string, log: Log): string[] {
  const claim = Object.hasOwn(claims, groupsClaim) ? claims[groupsClaim] : atPath(claims, groupsClaim.split('.'));
  if (claim === undefined && isOverage(claims, groupsClaim)) {
    // Entra ID leaves the groups out of tokens of people with more than 200 and names a Graph URL instead (distributed claim).
    log.warn({ claim: groupsClaim }, 'the identity provider left the groups out of the token because there are too many; none are shown');
    return [];
  }
  const values = Array.isArray(claim) ? claim : [claim];
  return [...new Set(values.filter((value): value is string => typeof value === 'string' && value !== ''))];
}

function isOverage(claims: Record<string, unknown>, claim: string): boolean {
  const names = claims['_claim_names'];
  return claims['hasgroups'] === true || (typeof names === 'object' && names !== null && Object.hasOwn(names, claim));
}

function atPath(value: unknown, path: string[]): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string, unknown>)[step];
  }
  return at;
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
