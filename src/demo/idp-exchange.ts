import { randomUUID } from 'node:crypto';
import { createLocalJWKSet, importJWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type * as oidcProvider from 'oidc-provider';
import type { Account } from './accounts.ts';
import type { Secrets } from './idp-keys.ts';

const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const idToken = 'urn:ietf:params:oauth:token-type:id_token';
const idJag = 'urn:ietf:params:oauth:token-type:id-jag';
/** Seconds. */
const assertionLifetime = 300;
export const exchangeGrant = grant;
/** What a token for an upstream can be good for. */
const scopes = ['read', 'write'];

export interface ExchangeSettings {
  /** Whom tokens may be exchanged for: values of `audience` or `resource`. */
  targets: readonly string[];
  /** Authorization servers that believe this provider, and which client of theirs Gatehouse is. */
  partners: readonly { issuer: string; clientId: string }[];
  /** Whom a token must be for that is exchanged. */
  subjects: readonly string[];
  accounts: readonly Account[];
  /** Seconds. */
  lifetime: number;
}

/**
 * Token exchange (RFC 8693): a person's access token for the central API becomes one for an upstream, with the same subject. The app that asks is the
 * actor (`act`, section 4.1). A person's ID token becomes an ID-JAG for a partner's authorization server.
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
      const assertion = params['requested_token_type'] === idJag;
      if (
        params['subject_token_type'] !== (assertion ? idToken : accessToken) ||
        ![undefined, accessToken, idJag].includes(params['requested_token_type'])
      )
        throw new InvalidRequest('an access token becomes an access token, an ID token becomes an ID-JAG');
      if (params['actor_token'] !== undefined) throw new InvalidRequest('the actor is the client');
      const keys = createLocalJWKSet({ keys: secrets.keys.map(({ d: _, ...published }) => published) as never });
      // RFC 8693 section 2.2.2: a subject token that is not valid is an invalid request.
      const { payload } = await jwtVerify(params['subject_token'] ?? '', keys, {
        ...{ issuer, algorithms: ['ES256'] },
        ...(assertion ? { audience: client!.clientId } : { audience: [...settings.subjects], typ: 'at+jwt' }),
      }).catch((): { payload: JWTPayload } => {
        throw new InvalidRequest('the subject token is not valid');
      });
      const account = settings.accounts.find(({ sub }) => sub === payload.sub);
      if (account === undefined) throw new InvalidRequest('the subject token is not valid');
      if (assertion) {
        const partner = settings.partners.find((one) => one.issuer === params['audience']);
        if (partner === undefined) throw new InvalidTarget();
        const { resource, scope } = params;
        const { email } = account;
        const claims = {
          client_id: partner.clientId,
          email,
          ...(resource === undefined ? {} : { resource }),
          ...(scope === undefined ? {} : { scope }),
        };
        const lifetime = Math.min(settings.lifetime, assertionLifetime);
        const about = { typ: 'oauth-id-jag+jwt', subject: account.sub, audience: partner.issuer, lifetime };
        const token = await signed(issuer, secrets, about, claims);
        context.body = { access_token: token, issued_token_type: idJag, token_type: 'N_A', expires_in: lifetime };
        return;
      }
      const named = [params['audience'], params['resource']].filter((name) => name !== undefined);
      if (named.length === 0 || !named.every((name) => settings.targets.includes(name))) throw new InvalidTarget();
      const lifetime = Math.min(settings.lifetime, payload.exp! - Math.floor(Date.now() / 1000));
      const scope =
        params['scope']
          ?.split(' ')
          .filter((word) => scopes.includes(word))
          .join(' ') || undefined;
      const about = { typ: 'at+jwt', subject: account.sub, audience: named.length === 1 ? named[0]! : named, lifetime };
      const token = await signed(issuer, secrets, about, {
        ...{ client_id: client!.clientId, act: { sub: client!.clientId }, groups: account.groups, email: account.email },
        ...(scope === undefined ? {} : { scope }),
      });
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

async function signed(
  issuer: string,
  secrets: Secrets,
  about: { typ: string; subject: string; audience: string | string[]; lifetime: number },
  claims: JWTPayload,
): Promise<string> {
  const key = secrets.keys[0]!;
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: about.typ, kid: String(key['kid']) })
    .setIssuer(issuer)
    .setSubject(about.subject)
    .setAudience(about.audience)
    .setIssuedAt()
    .setExpirationTime(`${about.lifetime}s`)
    .setJti(randomUUID())
    .sign(await importJWK(key as never, 'ES256'));
}
