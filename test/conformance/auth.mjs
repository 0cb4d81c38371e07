// The `auth/` scenarios for clients: the suite's server wants people to sign in, its authorization server does so without asking anybody.
import { silent } from '../../src/base/log.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { memoryVault } from '../../src/shell/vault.ts';
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import { openSignIns } from '../../src/upstreams/oauth/sign-ins.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';

const mostSignIns = 5;

/** A company that has blessed the server, and a person who signs in each time that they are asked to. */
export async function signingIn(url, context) {
  const { client_id: clientId, client_secret: secret } = context;
  const clientMetadata = 'https://conformance-test.local/client-metadata.json';
  const auth = { type: 'oauth', clientMetadata, ...(clientId === undefined ? {} : { clientId }) };
  const tools = ['test-tool', 'test_tool'].map((name) => ({ name, inputSchema: { type: 'object' } }));
  const fixture = entry({ id: 'fixture', url, auth, tools });
  const signIns = openSignIns({
    vault: memoryVault(),
    log: silent,
    now: Date.now,
    origin: (host) => `http://${host}:${gateway.gateway.port}`,
    person: () => ({ sub: 'pat', account: 'pat' }),
    entry: () => fixture,
    clientSecret: async () => secret,
    changed() {},
    reset: (id) => gateway.upstreams.signedIn(id),
  });
  const gateway = await openTestGateway(makeBundle({ servers: [fixture] }), {
    credentials: openCredentials({ exchange: companyHeaders, oauth: signIns.credentials }),
    signedIn: (server, signal) => signIns.until(server, signal),
    endpoint: (path) => signIns.endpoint(path),
  });
  try {
    const session = await legacySession(`${gateway.url}/s/fixture`, gateway.token);
    const call = async () => {
      const { result } = (await session.send('tools/call', { name: 'test-tool', arguments: {} })).json();
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
