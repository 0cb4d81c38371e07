import { hash } from 'node:crypto';
import * as oidc from 'openid-client';
import { Failure } from '../../base/errors.ts';
import { lead } from '../../base/lifetime.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { IssuedToken } from '../credentials/held-tokens.ts';
import { configured, secretMethod, withSecret } from './client.ts';
import { checkEndpoints, host, lie, plainly, statedAt } from './metadata.ts';
import { keyAuthentication } from './private-key.ts';
import { isFinal, tokensOf, told } from './tokens.ts';

/** A client that IT registered, as a registry entry states it. */
export type Registered = Extract<ServerEntry['auth'], { type: 'client-credentials' | 'enterprise-managed' }>;

/** What proves it: one of the two, from the vault; neither where it is a public client. */
export interface Proof {
  readonly clientSecret: string | undefined;
  readonly privateKey: string | undefined;
}

/**
 * Gatehouse as that client, ready to ask for tokens. The authorization server is the one that the company states; the upstream has no say in it.
 * INVARIANT: what proves the client goes to the issuer's own origin, or to the token endpoint that the company states. Metadata leads nowhere else.
 */
export async function registeredClient(auth: Registered, proof: Proof): Promise<oidc.Configuration> {
  const { issuer, clientId, keyId } = auth;
  const { metadata, most, fetch } = await statedAt(issuer);
  checkEndpoints(metadata, most);
  const { token_endpoint: endpoint } = metadata;
  const stays = auth.tokenEndpoint === undefined ? new URL(endpoint).origin === new URL(issuer).origin : endpoint === auth.tokenEndpoint;
  if (!stays)
    throw lie(
      `${host(issuer)} has its token endpoint at ${host(endpoint)}; where that is right, the registry entry states it as "auth.tokenEndpoint"`,
    );
  const server = metadata as oidc.ServerMetadata;
  const { clientSecret, privateKey } = proof;
  const authentication =
    privateKey !== undefined
      ? await keyAuthentication(privateKey, keyId, metadata.token_endpoint_auth_signing_alg_values_supported)
      : clientSecret !== undefined
        ? withSecret(secretMethod(server), clientId, clientSecret)
        : oidc.None();
  return configured(server, clientId, authentication, fetch);
}

/** What its token is to be good for. */
export function targetOf(auth: Registered, url: string): { scope?: string; resource?: string } {
  const { scope, resource = plainly(new URL(url)) } = auth;
  return { ...(scope === undefined ? {} : { scope }), ...(resource === false ? {} : { resource }) };
}

/** Milliseconds. RFC 6749 section 5.1 only recommends `expires_in`; five minutes is short enough to be true of any server. */
const unsaid = 300_000;

/** Throws where the token is none that can be sent. Whatever else comes with it is not kept. */
export function issuedOf(answer: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers, now: number): IssuedToken {
  const { accessToken, expiresAt = now + unsaid, refreshAt = now + unsaid - lead(unsaid) } = tokensOf(answer, now);
  return { accessToken, expiresAt, refreshAt };
}

/** In words for agents, too: nothing of an answer is in them but a code of the RFCs, since an answer may hold what was sent. */
export function refusedBy(error: unknown, { issuer }: Registered, proof: Proof): Failure {
  if (error instanceof Failure) return error;
  // A client that is not known may be answered with a challenge alone (RFC 6749 section 5.2).
  const code = error instanceof oidc.WWWAuthenticateChallengeError && error.status === 401 ? 'invalid_client' : told(error);
  // A code may be any word, and a secret may be one.
  const said = Object.values(proof).includes(code) ? 'an unknown error' : code;
  return isFinal(error)
    ? new Failure('denied', `The authorization server ${host(issuer)} issues no token for it (${said}).`, 'Send this message to IT.')
    : new Failure('unavailable', `The authorization server ${host(issuer)} gave no token: ${said}.`, 'Try again in a few minutes.');
}

const prints = new WeakMap<Proof, string>();

/** Tells one secret from the next without being it: a token does not outlive what it was asked for with. */
export function printOf(proof: Proof): string {
  const print = prints.get(proof) ?? hash('sha256', JSON.stringify([proof.clientSecret, proof.privateKey]), 'base64url');
  prints.set(proof, print);
  return print;
}
