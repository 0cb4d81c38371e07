// The `auth/` scenarios without a person at a browser: Gatehouse proves itself with what IT registered.
import type { ServerEntry } from '../../src/bundle/schema.ts';
import { openForUpstreams } from '../../src/identity/for-upstreams.ts';
import { openProvider } from '../../src/identity/provider.ts';
import { openSession } from '../../src/identity/session.ts';
import { toFailure } from '../../src/identity/trouble.ts';
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import { clientTokens } from '../../src/upstreams/oauth/client-credentials.ts';
import { enterpriseTokens } from '../../src/upstreams/oauth/enterprise-managed.ts';
import { filledOf } from '../../src/upstreams/secrets/source.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { testHost } from '../support/host.ts';
import { secretsOver } from '../support/secrets.ts';
import { issuerOf } from './auth.ts';

export interface ServiceContext {
  client_id: string;
  client_secret?: string;
  private_key_pem?: string;
  /** Where the company's people sign in, and what Pat has from there. */
  idp_issuer?: string;
  idp_client_id?: string;
  idp_id_token?: string;
}

/** A company that has registered Gatehouse at the server's authorization server; an agent calls twice. */
export async function callingAsService(url: string, context: ServiceContext): Promise<void> {
  const { client_id: clientId, client_secret: secret, private_key_pem: key } = context;
  const auth = {
    type: context.idp_issuer === undefined ? 'client-credentials' : 'enterprise-managed',
    issuer: await issuerOf(url),
    clientId,
    ...(key === undefined ? { clientSecret: 'proof' } : { privateKey: 'proof' }),
  } as const;
  const tools = [{ name: 'test-tool', inputSchema: { type: 'object' } }];
  const secrets = [{ name: 'proof', description: '', required: true, where: [] }];
  const fixture = entry({ id: 'fixture', url, auth, secrets, tools });
  const held = secretsOver();
  await held.secrets.set(fixture, 'proof', (key ?? secret)!);
  const common = { now: Date.now, signIn: () => 1, proof: (server: ServerEntry) => filledOf(held.secrets, server) };
  const gateway = await openTestGateway(makeBundle({ format: 2, servers: [fixture] }), {
    secrets: held.secrets,
    person: () => 'pat',
    credentials: openCredentials({
      exchange: companyHeaders,
      oauth: companyHeaders,
      'client-credentials': clientTokens(common),
      'enterprise-managed': enterpriseTokens({ ...common, assertion: (person, target) => provider(context).assertion(person, target) }),
    }),
  });
  try {
    const session = await legacySession(`${gateway.url}/s/fixture`, gateway.token);
    for (let round = 0; round < 2; round++) {
      const answer = await session.send('tools/call', { name: 'test-tool', arguments: {} });
      const { result } = answer.json() as { result: { isError?: boolean; content?: { text?: string }[] } };
      if (result.isError === true) console.log(result.content?.[0]?.text);
    }
  } finally {
    await gateway.close();
  }
}

/** Pat, as they are after a sign-in at the company's identity provider. */
function provider({ idp_issuer: issuer = '', idp_client_id: clientId = '', idp_id_token: idToken = '' }: ServiceContext) {
  const stored = { person: { sub: 'pat', name: 'Pat', groups: [] }, idToken };
  const session = openSession({
    now: Date.now,
    toFailure: (error) => toFailure(error, issuer),
    refresh: () => Promise.reject(new Error('there is no refresh token')),
    renewed: async () => {},
    failed: () => {},
  });
  const config = { issuer, clientId, scopes: ['openid'], resource: issuer, groupsClaim: 'groups' };
  const { configuration } = openProvider(testHost(), config);
  return openForUpstreams({ issuer, now: Date.now, configuration, session: () => session, stored: () => stored });
}
