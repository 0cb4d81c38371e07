// The `auth/` scenarios for clients: the suite's server wants people to sign in, its authorization server does so without asking anybody.
import { silent } from '../../src/base/log.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { memoryVault } from '../../src/shell/vault.ts';
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import { openSignIns } from '../../src/upstreams/oauth/sign-ins.ts';
import { givenFor } from '../../src/upstreams/secrets/source.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { secretsOver } from '../support/secrets.ts';

const mostSignIns = 5;

/** A company that has blessed the server, and a person who signs in each time that they are asked to. */
export async function signingIn(url: string, context: { client_id?: string; client_secret?: string }): Promise<void> {
  const { client_id: clientId, client_secret: secret } = context;
  const auth = {
    type: 'oauth',
    clientMetadata: 'https://conformance-test.local/client-metadata.json',
    ...(clientId === undefined ? {} : { clientId }),
    ...(secret === undefined ? {} : { clientSecret: 'app-secret', issuer: await issuerOf(url) }),
  } as const;
  const secrets = secret === undefined ? [] : [{ name: 'app-secret', description: '', required: true, where: [] }];
  const tools = ['test-tool', 'test_tool'].map((name) => ({ name, inputSchema: { type: 'object' } }));
  const fixture = entry({ id: 'fixture', url, auth, secrets, tools });
  const held = secretsOver();
  if (secret !== undefined) await held.secrets.set(fixture, 'app-secret', secret);
  const signIns = openSignIns({
    vault: memoryVault(),
    log: silent,
    now: Date.now,
    origin: (host) => `http://${host}:${gateway.gateway.port}`,
    person: () => ({ sub: 'pat', account: 'pat' }),
    entry: () => fixture,
    secrets: (server) => givenFor(held.secrets, server),
    changed() {},
    reset: (id) => gateway.upstreams.signedIn(id),
  });
  const gateway = await openTestGateway(makeBundle({ format: 2, servers: [fixture] }), {
    secrets: held.secrets,
    credentials: openCredentials({
      exchange: companyHeaders,
      'client-credentials': companyHeaders,
      'enterprise-managed': companyHeaders,
      oauth: signIns.credentials,
    }),
    signedIn: (server, signal) => signIns.until(server, signal),
    endpoint: (path) => signIns.endpoint(path),
  });
  try {
    const session = await legacySession(`${gateway.url}/s/fixture`, gateway.token);
    const call = async () => {
      const answer = await session.send('tools/call', { name: 'test-tool', arguments: {} });
      const { result } = answer.json() as { result: { isError?: boolean; content?: { text?: string }[] } };
      return { failed: result.isError === true, text: result.content?.[0]?.text ?? '' };
    };
    for (let round = 0; round <= mostSignIns; round++) {
      const { failed, text } = await call();
      if (!failed) {
        // Once more: the server may have moved its sign-in meanwhile.
        if (!(await call()).failed) return;
        continue;
      }
      const link = /http:\/\/127\.0\.0\.1:\d+\/sign-in\/[\w-]+/.exec(text)?.[0];
      if (link === undefined) return console.log(text);
      await driveSignIn(link, 'ann').catch((error) => console.log(error.message));
    }
  } finally {
    signIns.close();
    await gateway.close();
  }
}

/** As IT finds it that registers a confidential client: the entry has to state the issuer that the secret is for. */
export async function issuerOf(url: string): Promise<string> {
  const { origin, pathname } = new URL(url);
  const metadata = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`);
  const { authorization_servers: servers } = (await metadata.json()) as { authorization_servers: string[] };
  return servers[0]!;
}
