import { setTimeout as sleep } from 'node:timers/promises';
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { Refusal } from './refusal.ts';

/** Who called, as far as a verified access token says. */
export interface Caller {
  sub: string;
  /** As the token has them; bundles keep only those that the company lists. */
  groups: string[];
  /** Milliseconds since the epoch: streams end then. */
  expiresAt: number;
}
export interface TokenRules {
  issuer: string;
  /** The resource that the token must be issued for (RFC 8707). An ID token has the client as audience, and so never passes. */
  resource: string;
  groups_claim: string;
  required_scope?: string;
}

// Asymmetric only: with `none` or HS256 whoever knows the public key could sign.
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];
// RFC 9068 says `at+jwt`; several large providers say `JWT` or nothing for access tokens.
const types = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt']);
// At most one fetch in this time, whatever key ids strangers make up.
const cooldownMs = 1000;
const metadata = z.looseObject({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

const signInAgain = 'Sign in again, then repeat the request with the new access token.';

/** Verifies bearer tokens of one issuer (RFC 9068, RFC 6750). Keys are fetched when first needed, and again when an unknown key id appears. */
export function openTokens(rules: TokenRules, deps: { fetch: typeof fetch; now: () => number }) {
  let keys: Promise<ReturnType<typeof createRemoteJWKSet>> | undefined;
  const keySet = () => {
    keys ??= discover().catch((error) => {
      keys = undefined;
      throw error;
    });
    return keys;
  };

  async function discover() {
    const url = `${rules.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const answer = await deps.fetch(url, { headers: { accept: 'application/json' }, redirect: 'error', signal: AbortSignal.timeout(5000) });
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    const { issuer, jwks_uri } = metadata.parse(await answer.json());
    // OpenID Connect Discovery 4.3: metadata that names another issuer is not this issuer's.
    if (issuer !== rules.issuer) throw new Error(`${url} names the issuer ${issuer}`);
    return createRemoteJWKSet(new URL(jwks_uri), {
      [customFetch]: deps.fetch,
      cooldownDuration: cooldownMs,
      cacheMaxAge: 600_000,
      timeoutDuration: 5000,
    });
  }

  /** An unknown key may be new, and the key set too recent to be fetched again: then it waits a second instead of refusing. */
  async function check(token: string) {
    const jwks = await keySet();
    const waited = jwks.coolingDown;
    const verified = () =>
      jwtVerify(token, jwks, {
        issuer: rules.issuer,
        audience: rules.resource,
        algorithms,
        requiredClaims: ['sub', 'exp'],
        clockTolerance: 5,
        currentDate: new Date(deps.now()),
      });
    return verified().catch(async (error) => {
      if (!waited || !(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await sleep(cooldownMs + 10);
      return verified();
    });
  }

  async function verify(authorization: string | undefined): Promise<Caller> {
    if (authorization === undefined) {
      throw new Refusal(
        401,
        'signed-out',
        'This route needs an access token.',
        'Sign in and send the token as `Authorization: Bearer ...`.',
        {
          headers: { 'WWW-Authenticate': 'Bearer realm="gatehouse"' },
        },
      );
    }
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)?.[1];
    if (token === undefined || token.length > 64_000) throw invalid('The Authorization header is not a bearer token.');
    let payload: JWTPayload;
    try {
      const result = await check(token);
      if (!types.has(result.protectedHeader.typ?.toLowerCase())) throw invalid('It is not an access token.');
      payload = result.payload;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const problem = explain(error);
      if (problem !== undefined) throw invalid(problem);
      // The provider cannot be asked: the token may be good. A 401 would make every app sign in again.
      throw new Refusal(503, 'unavailable', 'The identity provider cannot be reached to check the token.', 'Try again in a moment.', {
        headers: { 'Retry-After': '5' },
        cause: error,
      });
    }
    return toCaller(payload, rules);
  }

  return { rules, verify };
}
export type Tokens = ReturnType<typeof openTokens>;

function toCaller(payload: JWTPayload, rules: TokenRules): Caller {
  // RFC 9449 section 7.1: a token that is bound to a key must not pass as a plain bearer token.
  if (payload['cnf'] !== undefined) throw invalid('It is bound to a key, and this API takes plain bearer tokens.');
  if (rules.required_scope !== undefined && !scopes(payload).includes(rules.required_scope)) {
    throw new Refusal(403, 'denied', `The token lacks the scope "${rules.required_scope}".`, 'Sign in again and grant it.', {
      headers: { 'WWW-Authenticate': `Bearer realm="gatehouse", error="insufficient_scope", scope="${rules.required_scope}"` },
    });
  }
  const claim = payload[rules.groups_claim];
  const elsewhere = payload['_claim_names'];
  if (claim === undefined && typeof elsewhere === 'object' && elsewhere !== null && Object.hasOwn(elsewhere, rules.groups_claim)) {
    // Microsoft Entra's "overage": with too many groups the token only says where to ask. Taking that as "no groups" would hide why nothing works.
    const fix = 'Ask IT to limit the groups in the token to those assigned to the application, or to use app roles.';
    throw new Refusal(403, 'denied', 'The token has too many groups to list them.', fix);
  }
  const groups = typeof claim === 'string' ? [claim] : Array.isArray(claim) ? claim.filter((group) => typeof group === 'string') : [];
  return { sub: payload.sub!, groups: [...new Set(groups)].sort(), expiresAt: payload.exp! * 1000 };
}

const scopes = (payload: JWTPayload): string[] => {
  const claim = payload['scope'] ?? payload['scp'];
  return Array.isArray(claim) ? claim.map(String) : typeof claim === 'string' ? claim.split(' ') : [];
};

/** What is wrong with the token itself, in fixed words; undefined where the fault is not the token's. */
function explain(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return 'It has expired.';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'iss') return 'It was issued by another issuer.';
    if (error.claim === 'aud') return 'It was issued for another audience.';
    return 'A required claim is missing or wrong.';
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'Its algorithm is not allowed.';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) return 'Its key is not known.';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'Its signature is wrong.';
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid || error instanceof errors.JOSENotSupported)
    return 'It is not a signed token.';
  return undefined;
}

function invalid(reason: string): Refusal {
  return new Refusal(401, 'signed-out', `The access token was refused. ${reason}`, signInAgain, {
    headers: { 'WWW-Authenticate': `Bearer realm="gatehouse", error="invalid_token", error_description="${reason}"` },
  });
}
