// OAuth per upstream: each person signs in to a server themselves, at its own authorization server.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { silent } from '../../src/base/log.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { memoryVault } from '../../src/shell/vault.ts';
import { openVaultFile } from '../../src/shell/vault-file.ts';
import { openSignIns } from '../../src/upstreams/oauth/sign-ins.ts';
import { makeBundle, modernRequest } from '../support/gateway.ts';
import { lockable } from '../support/host.ts';
import { openOAuthUpstream } from '../support/oauth-upstream.ts';
import { openSigningIn } from '../support/signing-in.ts';

for (const era of ['legacy', 'modern'] as const)
  test(`${era}: without a sign-in the agent gets the link; after it the call is made as the person, with a token for that server`, async (t) => {
    const { upstream, house, signIns, call, server } = await openSigningIn(t, { era });
    const before = await call();
    assert.ok(before.failed);
    const link = /http:\/\/127\.0\.0\.1:\d+\/sign-in\/[\w-]+/.exec(before.text)?.[0];
    assert.ok(link, before.text);
    assert.equal(signIns.state(server)?.state, 'signed-out');
    await driveSignIn(link, 'ann');
    assert.deepEqual(await call(), { failed: false, text: 'ann' });
    const [seen] = upstream.log;
    assert.equal(seen!.aud, upstream.url);
    const state = signIns.state(server)!;
    assert.equal(state.state, 'signed-in');
    assert.ok(upstream.bearers.every((bearer) => bearer !== house.token));
    const authorization = upstream.asked.find(({ path }) => path === '/auth')!.body;
    assert.equal(authorization.get('resource'), upstream.url);
    assert.equal(authorization.get('code_challenge_method'), 'S256');
    assert.equal(authorization.get('scope'), 'mcp offline_access');
    // What an agent is told never gets into the record: whoever has the link can begin the sign-in.
    assert.ok(!JSON.stringify(await house.records()).includes('/sign-in/'));
  });

test('the window can say as whom the person is signed in, where the server issues an ID token', async (t) => {
  const { signIn, signIns, server, call } = await openSigningIn(t, { auth: { scope: 'openid email' } });
  await signIn();
  assert.deepEqual(signIns.state(server), { state: 'signed-in', account: 'ann@example.com' });
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
});

test('two people on one server act as themselves, and nobody is called for with the token of the one before', async (t) => {
  const { upstream, call, signIn, who, signIns, server } = await openSigningIn(t);
  await call();
  await signIn('ann');
  assert.equal((await call()).text, 'ann');
  who.sub = 'lee';
  assert.ok((await call()).failed, 'the other person has no sign-in there');
  await signIn('bob');
  assert.equal((await call()).text, 'bob');
  who.sub = 'pat';
  assert.equal((await call()).text, 'ann', 'each one has their own');
  assert.equal(signIns.state(server)?.state, 'signed-in');
  assert.deepEqual(
    upstream.log.map(({ sub }) => sub),
    ['ann', 'bob', 'ann'],
  );
});

for (const era of ['legacy', 'modern'] as const)
  test(`${era}: 200 calls at once at the end of a token make one refresh, and none of them fails`, async (t) => {
    const { upstream, house, signIn, forward, who, server } = await openSigningIn(t, { era, lifetime: 60 });
    await house.apply(makeBundle({ servers: [server], version: 2, limits: { concurrentCalls: 1000, callsPerMinute: 0 } }));
    assert.equal(who.sub, 'pat');
    await signIn();
    forward(61_000);
    const before = upstream.count('/token');
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => modernRequest(house.url, house.token, 'tools/call', { name: 'own__who', arguments: {} })),
    );
    for (const answer of answers) assert.equal((answer.json()['result'] as { isError?: boolean }).isError, undefined, answer.text);
    assert.equal(upstream.count('/token') - before, 1);
  });

test('a strict rotation of refresh tokens is survived for as long as the server wants it, and over a restart', async (t) => {
  const vault = memoryVault();
  const { upstream, call, signIn, forward } = await openSigningIn(t, { lifetime: 5, vault });
  await signIn();
  for (let round = 0; round < 8; round++) {
    forward(6_000);
    assert.deepEqual(await call(), { failed: false, text: 'ann' });
  }
  const used = upstream.asked.filter(({ body }) => body.get('grant_type') === 'refresh_token').map(({ body }) => body.get('refresh_token'));
  assert.equal(used.length, 8);
  assert.equal(new Set(used).size, 8, 'none is used twice');
});

test('a token is renewed ahead of its end while calls go on with it', async (t) => {
  const { upstream, call, signIn, forward } = await openSigningIn(t, { lifetime: 100 });
  await signIn();
  const before = upstream.count('/token');
  forward(75_000);
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
  for (let waited = 0; upstream.count('/token') === before && waited < 100; waited++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(upstream.count('/token') - before, 1);
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
});

test('a sign-in that the server ended asks for a new one, once and without a flood; after it calls go on', async (t) => {
  const { upstream, call, signIn, signIns, server } = await openSigningIn(t);
  await signIn();
  await call();
  upstream.state.refuses = true;
  const before = upstream.count('/token');
  for (let n = 0; n < 5; n++) assert.match((await call()).text, /\/sign-in\//);
  assert.ok(upstream.count('/token') - before <= 1, 'one refresh, then the person is asked');
  assert.equal(signIns.state(server)?.wanted, true);
  upstream.state.refuses = false;
  await signIn('bob');
  assert.deepEqual(await call(), { failed: false, text: 'bob' });
});

test('trouble at the authorization server ends no sign-in: a good token is used, and a call without one says what is wrong', async (t) => {
  let away = false;
  const { call, signIn, forward, signIns, server } = await openSigningIn(t, {
    lifetime: 60,
    instead(path, _issuer, _request, response) {
      if (!away || path !== '/token') return false;
      response.writeHead(503).end();
      return true;
    },
  });
  await signIn();
  away = true;
  forward(45_000);
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
  forward(20_000);
  const told = await call();
  assert.ok(told.failed && !told.text.includes('/sign-in/'), told.text);
  assert.equal(signIns.state(server)?.state, 'signed-in');
  away = false;
  forward(6_000);
  assert.deepEqual(await call(), { failed: false, text: 'ann' }, 'nothing has to be reset, and no circuit is open');
});

test('step-up: a 403 asks for the union of the scopes, the call goes through after it, and a server cannot go on asking', async (t) => {
  const { upstream, call, signIn } = await openSigningIn(t, { scopes: { write: 'w:all', admin: 'a:all' } });
  await signIn();
  assert.ok(!(await call()).failed);
  const refused = await call('write');
  const link = /http:\S+\/sign-in\/[\w-]+/.exec(refused.text)?.[0];
  assert.ok(link, refused.text);
  await driveSignIn(link, 'ann');
  assert.deepEqual(await call('write'), { failed: false, text: 'ann' });
  const scopes = upstream.asked
    .filter(({ path, body }) => path === '/auth' && body.has('scope'))
    .map(({ body }) => body.get('scope')!.split(' ').sort());
  assert.deepEqual(scopes.at(-1), ['mcp', 'offline_access', 'w:all']);
  assert.ok(!(await call()).failed, 'what was allowed before still is');
});

test('a server that always wants more gets three step-ups in an hour, and one that does not give what was asked for gets none', async (t) => {
  let wanted = 0;
  const { call, signIn } = await openSigningIn(t, {
    era: 'modern',
    instead: async (path, issuer, request, response) => {
      if (path !== '/mcp' || request.headers['mcp-method'] !== 'tools/call' || wanted === 0) return false;
      const metadata = `${issuer}/.well-known/oauth-protected-resource/mcp`;
      response
        .writeHead(403, {
          'www-authenticate': `Bearer error="insufficient_scope", scope="mcp s${wanted}", resource_metadata="${metadata}"`,
        })
        .end();
      return true;
    },
  });
  await signIn();
  assert.ok(!(await call()).failed);
  let links = 0;
  for (wanted = 1; wanted < 8; wanted++) {
    const { text } = await call();
    const link = /http:\S+\/sign-in\/[\w-]+/.exec(text)?.[0];
    if (link === undefined) break;
    links++;
    // The authorization server knows no such scope, so it gives the token without it.
    await driveSignIn(link, 'ann').catch(() => {});
    assert.ok(!/sign-in\//.test((await call()).text), 'the same again is not asked for');
  }
  assert.equal(links, 3);
});

test('an authorization server that refuses `resource` is signed in to where the entry says so; else the page says what was said', async (t) => {
  const refused = await openSigningIn(t, { refusesResource: true });
  await assert.rejects(refused.signIn());
  const { upstream, call, signIn } = await openSigningIn(t, {
    refusesResource: true,
    auth: { resource: false, authorizeParameters: { login_hint: 'ann' } },
  });
  await signIn();
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
  const { body } = upstream.asked.find(({ path }) => path === '/auth')!;
  assert.equal(body.get('resource'), null);
  assert.equal(body.get('login_hint'), 'ann');
});

test('a server that lets everybody list is listed without a sign-in, and asks for one at the call', async (t) => {
  const { upstream, house, call, signIn } = await openSigningIn(t, { openLists: true, era: 'modern' });
  assert.match((await call()).text, /\/sign-in\//);
  assert.ok(upstream.bearers.every((bearer) => bearer === undefined));
  await signIn();
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
  assert.ok(house.url);
});

test('without dynamic registration the person is told what IT has to register; a client that IT states is used', async (t) => {
  const without = await openSigningIn(t, { registration: false });
  const { url } = await without.signIns.begin(without.server);
  const page = await (await fetch(url, { redirect: 'manual' })).text();
  assert.match(page, /http:\/\/127\.0\.0\.1:\d+\/oauth\/callback\/own/);
  const stated = {
    client_id: 'gatehouse-at-own',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: ['http://localhost/oauth/callback/own'],
  };
  const { upstream, call, signIn } = await openSigningIn(t, {
    registration: false,
    clients: [stated],
    auth: { clientId: 'gatehouse-at-own', redirectHost: 'localhost' },
  });
  await signIn();
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
  assert.match(upstream.asked.find(({ path }) => path === '/auth')!.body.get('redirect_uri')!, /^http:\/\/localhost:/);
});

/** Clients of the modern era ask their person to visit the address, and call again. */
const asksForVisits = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } };

test('a modern agent that can send its person to an address is asked for that, and its call waits for the sign-in', async (t) => {
  const { house, signIns } = await openSigningIn(t, { era: 'modern' });
  const ask = (params: Record<string, unknown>) =>
    modernRequest(house.url, house.token, 'tools/call', { name: 'own__who', arguments: {}, ...params }, { meta: asksForVisits });
  const first = (await ask({})).json()['result'] as {
    resultType: string;
    inputRequests: Record<string, { params: { url: string } }>;
    requestState: string;
  };
  assert.equal(first.resultType, 'input_required');
  const [[key, request] = []] = Object.entries(first.inputRequests);
  const again = ask({ inputResponses: { [key!]: { action: 'accept' } }, requestState: first.requestState });
  let over = false;
  void again.then(() => {
    over = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(over, false, 'the person has not signed in yet');
  await driveSignIn(request!.params.url, 'ann');
  const answer = (await again).json()['result'] as { content: { text: string }[] };
  assert.equal(answer.content[0]!.text, 'ann');
  await signIns.signOut('own');
  const anew = (await ask({})).json()['result'] as typeof first;
  const [[other] = []] = Object.entries(anew.inputRequests);
  const declined = (await ask({ inputResponses: { [other!]: { action: 'decline' } }, requestState: anew.requestState })).json();
  assert.equal((declined['result'] as { isError?: boolean }).isError, true);
});

test('a legacy agent that can send its person to an address is asked in the middle of its call, which then goes on', async (t) => {
  const { house } = await openSigningIn(t);
  const client = new Client({ name: 'agent', version: '1.0.0' }, { capabilities: { elicitation: { url: {} } } });
  const asked: unknown[] = [];
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
    asked.push(params);
    void driveSignIn((params as { url: string }).url, 'bob');
    return { action: 'accept' };
  });
  const requestInit = { headers: { authorization: `Bearer ${house.token}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(house.url), { requestInit }) as unknown as Transport);
  t.after(() => client.close());
  const result = (await client.callTool({ name: 'own__who', arguments: {} })) as { content: { text: string }[] };
  assert.equal(result.content[0]!.text, 'bob');
  assert.equal(asked.length, 1);
  assert.equal((asked[0] as { mode: string }).mode, 'url');
});

test('a sign-out, a server that is gone and one that moved end the sign-in and revoke it; the other place never sees the token', async (t) => {
  const { upstream, signIns, signIn, call, entries, server, house } = await openSigningIn(t);
  const revoked = () => upstream.asked.filter(({ path }) => path === '/token/revocation').length;
  const settled = async (count: number) => {
    for (let waited = 0; revoked() < count && waited < 100; waited++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(revoked(), count);
  };
  await signIn();
  await signIns.signOut('own');
  await settled(1);
  assert.match((await call()).text, /\/sign-in\//);
  await signIn();
  await signIns.follow([]);
  await settled(2);
  await signIn();
  const other = await openOAuthUpstream(t);
  const moved = { ...server, url: other.url };
  entries.present = [moved];
  await house.apply(makeBundle({ servers: [moved], version: 2 }));
  assert.match((await call()).text, /\/sign-in\//);
  assert.ok(other.bearers.every((bearer) => bearer === undefined));
  await signIns.follow([moved]);
  await settled(3);
  await signIn('bob');
  await signIns.leave();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(other.asked.filter(({ path }) => path === '/token/revocation').length, 1);
});

test('a restart keeps the sign-in; a vault that cannot be opened is not one that is empty', async (t) => {
  const { vault, state } = lockable(memoryVault());
  const first = await openSigningIn(t, { vault });
  await first.signIn();
  const again = openSignIns({
    vault,
    log: silent,
    now: Date.now,
    origin: () => '',
    person: () => ({ sub: 'pat', account: 'idp pat' }),
    entry: () => first.server,
    changed() {},
    reset() {},
  });
  t.after(() => again.close());
  state.locked = true;
  const ask = async () => await again.credentials.headers(first.server, 'pat', AbortSignal.abort());
  await assert.rejects(ask(), /locked/);
  state.locked = false;
  assert.match((await ask())[1]!, /^Bearer /);
});

test('nothing secret of a sign-in is in the data folder, in records or in what a window sees', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-secrets-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const vault = await openVaultFile(dataDir, randomBytes(32), 'keychain');
  const { upstream, signIn, signIns, call, forward, house, server } = await openSigningIn(t, { vault, dataDir, lifetime: 60 });
  await call();
  const { url } = await signIns.begin(server);
  await signIn();
  await call();
  forward(61_000);
  await call();
  const secrets = [
    url.slice(-32),
    ...upstream.bearers.filter((bearer) => bearer !== undefined),
    ...upstream.asked.flatMap(({ body }) => ['code', 'code_verifier', 'refresh_token', 'state'].map((name) => body.get(name))),
  ].filter((secret) => secret !== null);
  assert.ok(secrets.length > 6);
  const seen = JSON.stringify([await house.records(), signIns.state(server)]);
  const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  assert.ok(files.some(({ name }) => name === 'vault.json'));
  for (const secret of secrets) {
    assert.ok(!seen.includes(secret));
    for (const { parentPath, name } of files) assert.ok(!readFileSync(join(parentPath, name)).includes(secret), name);
  }
});
