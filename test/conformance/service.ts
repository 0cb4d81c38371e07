// The `auth/` scenarios without a person at a browser: Gatehouse proves itself with what IT registered.
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import { clientTokens } from '../../src/upstreams/oauth/client-credentials.ts';
import { filledOf } from '../../src/upstreams/secrets/source.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { secretsOver } from '../support/secrets.ts';
import { issuerOf } from './auth.ts';

export interface ServiceContext {
  client_id: string;
  client_secret?: string;
  private_key_pem?: string;
}

/** A company that has registered Gatehouse at the server's authorization server; an agent calls twice. */
export async function callingAsService(url: string, context: ServiceContext): Promise<void> {
  const { client_id: clientId, client_secret: secret, private_key_pem: key } = context;
  const auth = {
    type: 'client-credentials',
    issuer: await issuerOf(url),
    clientId,
    ...(key === undefined ? { clientSecret: 'proof' } : { privateKey: 'proof' }),
  } as const;
  const tools = [{ name: 'test-tool', inputSchema: { type: 'object' } }];
  const secrets = [{ name: 'proof', description: '', required: true, where: [] }];
  const fixture = entry({ id: 'fixture', url, auth, secrets, tools });
  const held = secretsOver();
  await held.secrets.set(fixture, 'proof', (key ?? secret)!);
  const gateway = await openTestGateway(makeBundle({ format: 2, servers: [fixture] }), {
    secrets: held.secrets,
    credentials: openCredentials({
      exchange: companyHeaders,
      oauth: companyHeaders,
      'client-credentials': clientTokens({ now: Date.now, signIn: () => 1, proof: (server) => filledOf(held.secrets, server) }),
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
