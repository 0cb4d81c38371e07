import { randomBytes } from 'node:crypto';
import * as oidc from 'openid-client';
import { Failure } from '../../base/errors.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { type Challenge, scopesOf, union } from './challenge.ts';
import { type Client, clientFor, configurationOf } from './client.ts';
import { discover, type Given } from './discovery.ts';
import type { Kept } from './kept.ts';
import { tokensOf } from './tokens.ts';

type OAuth = Extract<ServerEntry['auth'], { type: 'oauth' }>;

/** An authorization request on its way: what its answer is held against. */
export interface Flow {
  readonly state: string;
  readonly redirectUri: string;
  /** In a cookie of the browser that began: no other one can end it. */
  readonly browser: string;
  readonly url: URL;
  readonly issuer: string;
  readonly client: Client;
  /** Redeems the code in the address that the browser was sent to. */
  finish(answer: URL, now: () => number): Promise<Kept>;
}

/**
 * Begins one sign-in at an upstream: discovery, a client, and the authorization request (OAuth 2.1 with PKCE S256, RFC 8707, RFC 9207).
 */
export async function begin(options: {
  entry: ServerEntry;
  auth: OAuth;
  redirectUri: string;
  heard: Challenge | undefined;
  scope: string;
  /** One that there is already: it belongs to the authorization server that it was registered at (SEP-2352), and to one redirect URI. */
  known: { issuer: string; client: Client } | undefined;
  secrets: Given;
}): Promise<Flow> {
  const { entry, auth, redirectUri, known, secrets } = options;
  const found = await discover(entry, auth, options.heard, secrets);
  const { metadata, resource } = found;
  const wanted = union(auth.scope, found.scope, options.scope);
  // The challenge does not say it, and without it many give no refresh token (specification, "Refresh Tokens").
  const offline = found.metadata.scopes_supported?.includes('offline_access') === true;
  const scope = union(wanted, offline ? 'offline_access' : undefined);
  const client =
    known?.issuer === metadata.issuer && known.client.redirectUri === redirectUri
      ? known.client
      : await clientFor({ auth, metadata, redirectUri, secret: secrets.clientSecret, fetch: found.fetch });
  const configuration = configurationOf(metadata, client, found.fetch);
  const [state, verifier, nonce] = [oidc.randomState(), oidc.randomPKCECodeVerifier(), oidc.randomNonce()];
  const openid = scopesOf(scope).includes('openid');
  const url = oidc.buildAuthorizationUrl(configuration, {
    // OpenID Connect Core 11: without a consent, offline_access is passed over.
    ...(offline ? { prompt: 'consent' } : {}),
    ...auth.authorizeParameters,
    redirect_uri: redirectUri,
    state,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(scope === '' ? {} : { scope }),
    ...(openid ? { nonce } : {}),
    ...(resource === undefined ? {} : { resource }),
  });
  if (url.href.length > 16_384)
    throw new Failure('bad-input', 'The sign-in address is too long.', 'Tell IT: the registry entry asks for too much.');
  return {
    state,
    redirectUri,
    browser: randomBytes(24).toString('base64url'),
    url,
    issuer: metadata.issuer,
    client,
    async finish(answer, now) {
      const checks = {
        expectedState: state,
        pkceCodeVerifier: verifier,
        ...(openid ? { expectedNonce: nonce, idTokenExpected: true } : {}),
      };
      const response = await oidc.authorizationCodeGrant(configuration, answer, checks, resource === undefined ? {} : { resource });
      return {
        url: entry.url!,
        metadata: kernel(metadata),
        most: found.most,
        client,
        ...(resource === undefined ? {} : { resource }),
        scope,
        ...tokensOf(response, now()),
        signedInAt: now(),
      };
    },
  };
}

/** What refreshing and revoking need. */
function kernel(metadata: oidc.ServerMetadata): Kept['metadata'] {
  const { issuer, token_endpoint, revocation_endpoint, jwks_uri, id_token_signing_alg_values_supported } = metadata;
  return JSON.parse(
    JSON.stringify({ issuer, token_endpoint, revocation_endpoint, jwks_uri, id_token_signing_alg_values_supported }),
  ) as Kept['metadata'];
}
