import type { TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client';
import { lead } from '../base/lifetime.ts';

/** One answer of the token endpoint. Lives in memory, but for `refreshToken` and `idToken`, which rest in the vault. */
export interface Tokens {
  accessToken: string;
  /** By the host's clock, counted from the arrival of the answer: the provider's clock may differ from ours. */
  expiresAt: number;
  /** From when on a new one is fetched ahead of need. */
  refreshAt: number;
  refreshToken?: string;
  idToken?: string;
  /** Of the validated ID token. */
  claims?: Record<string, unknown>;
}

/** Seconds: a year. */
const longest = 31_536_000;

export function readTokens(response: TokenEndpointResponse & TokenEndpointResponseHelpers, now: number): Tokens {
  // RFC 6749 section 5.1 only recommends expires_in; five minutes is short enough to be true of any provider.
  const lifetime = Math.min(response.expires_in ?? 300, longest) * 1000;
  const claims = response.claims();
  return {
    accessToken: response.access_token,
    expiresAt: now + lifetime,
    refreshAt: now + lifetime - lead(lifetime),
    ...(response.refresh_token === undefined ? {} : { refreshToken: response.refresh_token }),
    ...(response.id_token === undefined ? {} : { idToken: response.id_token }),
    ...(claims === undefined ? {} : { claims: claims as Record<string, unknown> }),
  };
}
