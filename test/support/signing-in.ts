import type { TestContext } from 'node:test';
import type { Vault } from '../../src/base/host.ts';
import { silent } from '../../src/base/log.ts';
import { bundleFormat, type ServerEntry } from '../../src/bundle/schema.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { memoryVault } from '../../src/shell/vault.ts';
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import { openSignIns, type SignIns } from '../../src/upstreams/oauth/sign-ins.ts';
import { givenFor } from '../../src/upstreams/secrets/source.ts';
import { entry, legacySession, makeBundle, openTestGateway } from './gateway.ts';
import { type OAuthUpstreamOptions, openOAuthUpstream } from './oauth-upstream.ts';
import { secretsOver } from './secrets.ts';

type Auth = Partial<Extract<ServerEntry['auth'], { type: 'oauth' }>>;

/** A gateway in front of one server at which people sign in themselves; rules and record know Pat. */
export async function openSigningIn(
  t: TestContext,
  options: OAuthUpstreamOptions & {
    auth?: Auth | ((issuer: string) => Auth);
    era?: ServerEntry['era'];
    secrets?: ServerEntry['secrets'];
    vault?: Vault;
    dataDir?: string;
  } = {},
) {
  const { auth, era = 'legacy', secrets = [], vault = memoryVault(), dataDir, ...upstreamOptions } = options;
  const upstream = await openOAuthUpstream(t, upstreamOptions);
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const who = { sub: 'pat' as string | undefined };
  const tools = [{ name: 'who' }, { name: 'write' }, { name: 'admin' }];
  const servers = [
    entry({
      id: 'own',
      title: 'Own',
      url: upstream.url,
      era,
      auth: { type: 'oauth', ...(typeof auth === 'function' ? auth(upstream.issuer) : auth) },
      secrets,
      tools,
    }),
  ];
  const entries = { present: servers };
  const held = secretsOver(vault);
  const signIns: SignIns = openSignIns({
    vault,
    log: silent,
    now,
    origin: (host) => `http://${host}:${house.gateway.port}`,
    person: () => (who.sub === undefined ? undefined : { sub: who.sub, account: `idp ${who.sub}` }),
    entry: (id) => entries.present.find((one) => one.id === id),
    changed: () => {},
    reset: (id) => house.upstreams.signedIn(id),
    secrets: (entry) => givenFor(held.secrets, entry),
  });
  const house: Awaited<ReturnType<typeof openTestGateway>> = await openTestGateway(makeBundle({ format: bundleFormat(servers), servers }), {
    secrets: held.secrets,
    person: () => who.sub ?? '',
    credentials: openCredentials({
      exchange: companyHeaders,
      'client-credentials': companyHeaders,
      'enterprise-managed': companyHeaders,
      oauth: signIns.credentials,
    }),
    ...(dataDir === undefined ? {} : { dataDir }),
    signedIn: (server, signal) => signIns.until(server, signal),
    endpoint: (path) => signIns.endpoint(path),
  });
  held.whose.upstreams = house.upstreams;
  t.after(async () => {
    signIns.close();
    await house.close();
  });
  const session = await legacySession(house.url, house.token);
  const call = async (name = 'who') => {
    const { result } = (await session.send('tools/call', { name: `own__${name}`, arguments: {} })).json() as {
      result: { isError?: boolean; content: { text: string }[] };
    };
    return { failed: result.isError === true, text: result.content[0]!.text };
  };
  const signIn = async (account = 'ann') => {
    const { url } = await signIns.begin(servers[0]!);
    await driveSignIn(url, account);
  };
  return {
    upstream,
    house,
    signIns,
    secrets: held.secrets,
    session,
    call,
    signIn,
    who,
    entries,
    server: servers[0]!,
    vault,
    now,
    forward: (ms: number) => (ahead += ms),
  };
}
