/// <reference path="../../src/demo/oidc-provider.d.ts" />
import { randomUUID } from 'node:crypto';
import { type CryptoKey, createRemoteJWKSet, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type * as oidcProvider from 'oidc-provider';

export const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/**
 * The second half of enterprise-managed authorization, as the draft has it (Identity Assertion JWT Authorization Grant): an ID-JAG of the provider that is
 * trusted, for this server, this client and this resource, within its time and once, becomes an access token.
 */
export function takeAssertions(
  library: typeof oidcProvider,
  provider: oidcProvider.Provider,
  options: {
    issuer: string;
    resource: string;
    /** Seconds. */
    lifetime: number;
    trusts(): string;
    sign: { kid: string; privateKey: CryptoKey };
  },
): void {
  const { issuer, resource, lifetime, trusts, sign } = options;
  const { InvalidGrant } = library.errors;
  const used = new Set<string>();
  provider.registerGrantType(
    jwtBearer,
    async (context) => {
      const { params = {}, client } = context.oidc;
      const keys = createRemoteJWKSet(new URL(`${trusts()}/jwks`));
      const checks = { issuer: trusts(), audience: issuer, typ: 'oauth-id-jag+jwt', algorithms: ['ES256'] };
      const { payload } = await jwtVerify(params['assertion'] ?? '', keys, checks).catch((): { payload: JWTPayload } => {
        throw new InvalidGrant('the assertion is not valid');
      });
      if (payload['client_id'] !== client!.clientId) throw new InvalidGrant('it is for another client');
      if (payload['resource'] !== resource) throw new InvalidGrant('it is for another resource');
      if (payload.jti === undefined || used.has(payload.jti)) throw new InvalidGrant('it was used before');
      used.add(payload.jti);
      const token = await new SignJWT({ client_id: client!.clientId, scope: String(payload['scope'] ?? '') })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: sign.kid })
        .setIssuer(issuer)
        .setSubject(String(payload.sub))
        .setAudience(resource)
        .setIssuedAt()
        .setExpirationTime(`${lifetime}s`)
        .setJti(randomUUID())
        .sign(sign.privateKey);
      context.body = { access_token: token, token_type: 'Bearer', expires_in: lifetime };
    },
    ['assertion', 'resource', 'scope'],
  );
}
