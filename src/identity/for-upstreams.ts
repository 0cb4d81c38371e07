import { decodeJwt } from 'jose';
import type * as oidc from 'openid-client';
import { Failure } from '../base/errors.ts';
import { exchangeFailure, exchangeToken, requestAssertion, subjectRefused } from './exchange.ts';
import type { TokenSession } from './session.ts';
import type { Stored } from './stored.ts';
import type { Tokens } from './tokens.ts';

/** What the person's sign-in is good for at upstreams. Both reject with `signed-out` where `person` is not the one who is signed in, before or after. */
export interface ForUpstreams {
  /** A token for an upstream, in exchange for the person's own access token (RFC 8693). */
  exchange(
    person: string,
    target: { audience?: string; resource?: string; scope?: string },
  ): Promise<Pick<Tokens, 'accessToken' | 'refreshAt' | 'expiresAt'>>;
  /**
   * The identity provider's word for another authorization server, `audience`, that this is the person: an ID-JAG (Identity Assertion JWT Authorization
   * Grant), in exchange for their ID token. Good for minutes, and for one use.
   */
  assertion(person: string, target: { audience: string; resource?: string; scope?: string }): Promise<string>;
}

/** Milliseconds between two refreshes that are made because the person's token is too old for the provider. */
const renewEvery = 60_000;
/** Milliseconds. An ID token that ends sooner is not sent: it would end on the way. */
const margin = 10_000;

export function openForUpstreams(options: {
  issuer: string;
  now(): number;
  configuration(): Promise<oidc.Configuration>;
  session(): TokenSession | undefined;
  stored(): Stored | undefined;
}): ForUpstreams {
  const { issuer, now, configuration, session, stored } = options;
  let renewedAt = Number.NEGATIVE_INFINITY;
  /** An ID token that had ended by our clock when it came: the provider has its own, so it is the judge. */
  let early: string | undefined;

  async function asPerson<T>(person: string, attempt: (mine: TokenSession, renewed: boolean) => Promise<T>): Promise<T> {
    const mine = session();
    const check = () => {
      if (mine === undefined || session() !== mine || stored()?.person.sub !== person)
        throw new Failure('signed-out', 'You are not signed in.', 'Sign in to Gatehouse first.');
      return mine;
    };
    try {
      const made = await attempt(check(), false).catch((error: unknown) => {
        if (!subjectRefused(error) || !mayRenew()) throw error;
        return attempt(check(), true);
      });
      check();
      return made;
    } catch (error) {
      throw exchangeFailure(error, issuer);
    }
  }

  /** INVARIANT: a sign-in without a refresh token would end with the attempt, and with it all that its access token is still good for. */
  function mayRenew(): boolean {
    if (stored()?.refreshToken === undefined || Math.abs(now() - renewedAt) < renewEvery) return false;
    renewedAt = now();
    return true;
  }

  /** A refresh may bring a new one; providers are free not to (OpenID Connect Core section 12.2). */
  async function idToken(mine: TokenSession, renewed: boolean): Promise<string> {
    const before = stored()?.idToken;
    if (before !== undefined && !renewed && (before === early || lasts(before))) return before;
    if (renewed || mayRenew()) await mine.token(true);
    const token = stored()?.idToken;
    if (token !== undefined && token !== before && !lasts(token)) early = token;
    if (token !== undefined && (token === early || lasts(token))) return token;
    throw new Failure(
      'denied',
      `The identity provider ${new URL(issuer).host} has not renewed the proof of who you are (ID token), which this server needs.`,
      'Sign out of Gatehouse and sign in again. If that is needed often, ask IT to let the provider issue ID tokens at a refresh.',
    );
  }

  function lasts(token: string): boolean {
    const { exp } = decodeJwt(token);
    return exp !== undefined && exp * 1000 - now() > margin;
  }

  return {
    exchange: (person, target) =>
      asPerson(person, async (mine, renewed) => {
        const subject = await mine.token(renewed);
        return exchangeToken(await configuration(), subject, target, now);
      }),
    assertion: (person, target) =>
      asPerson(person, async (mine, renewed) => {
        const subject = await idToken(mine, renewed);
        return requestAssertion(await configuration(), subject, target);
      }),
  };
}
