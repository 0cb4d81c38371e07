import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, importJWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type * as oidcProvider from 'oidc-provider';
import type { Account } from './accounts.ts';
import type { Secrets } from './idp-keys.ts';

const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
export const exchangeGrant = grant;
/** What a token for an upstream can be good for. */
const scopes = ['read', 'write'];

export interface ExchangeSettings {
  /** Whom tokens may be exchanged for: values of `audience` or `resource`. */
  targets: readonly string[];
  /** Whom a token must be for that is exchanged. */
  subjects: readonly string[];
  accounts: readonly Account[];
  /** Seconds. */
  lifetime: number;
}

/**
 * Token exchange (RFC 8693): a person's access token for the central API becomes one for an upstream, with the same subject. The app that asks is the
 * actor (`act`, section 4.1).
 */
export function addExchange(
  library: typeof oidcProvider,
  provider: oidcProvider.Provider,
  issuer: string,
  secrets: Secrets,
  settings: ExchangeSettings,
): void {
  const { InvalidTarget, InvalidRequest } = library.errors;
  const parameters = ['audience', 'resource', 'scope', 'requested_token_type', 'subject_token', 'subject_token_type', 'actor_token'];
  provider.registerGrantType(
    grant,
    async (context) => {
      const { params = {}, client } = context.oidc;
      if (params['subject_token_type'] !== accessToken || (params['requested_token_type'] ?? accessToken) !== accessToken)
        throw new InvalidRequest('only access tokens are exchanged here');
      if (params['actor_token'] !== undefined) throw new InvalidRequest('the actor is the client');
      const keys = createLocalJWKSet({ keys: secrets.keys.map(({ d: _, ...published }) => published) as never });
      // RFC 8693 section 2.2.2: a subject token that is not valid is an invalid request.
      const { payload } = await jwtVerify(params['subject_token'] ?? '', keys, {
        ...{ issuer, audience: [...settings.subjects], typ: 'at+jwt', algorithms: ['ES256'] },
      }).catch((): { payload: JWTPayload } => {
        throw new InvalidRequest('the subject token is not valid');
      });
      const account = settings.accounts.find(({ sub }) => sub === payload.sub);
      if (account === undefined) throw new InvalidRequest('the subject token is not valid');
      const named = [params['audience'], params['resource']].filter((name) => name !== undefined);
      if (named.length === 0 || !named.every((name) => settings.targets.includes(name))) throw new InvalidTarget();
      const lifetime = Math.min(settings.lifetime, payload.exp! - Math.floor(Date.now() / 1000));
      const key = secrets.keys[0]!;
      const scope =
        params['scope']
          ?.split(' ')
          .filter((word) => scopes.includes(word))
          .join(' ') || undefined;
      const token = await new SignJWT({
        ...{ client_id: client!.clientId, act: { sub: client!.clientId }, groups: account.groups, email: account.email },
        ...(scope === undefined ? {} : { scope }),
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: String(key['kid']) })
        .setIssuer(issuer)
        .setSubject(account.sub)
        .setAudience(named.length === 1 ? named[0]! : named)
        .setIssuedAt()
        .setExpirationTime(`${lifetime}s`)
        .setJti(randomUUID())
        .sign(await importJWK(key as never, 'ES256'));
      context.body = {
        access_token: token,
        issued_token_type: accessToken,
        token_type: 'Bearer',
        expires_in: lifetime,
        ...(scope === undefined ? {} : { scope }),
      };
    },
    parameters,
  );
}
