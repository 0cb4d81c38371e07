import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { entry, legacySession, makeBundle, openTestGateway, post, raw } from '../../support/gateway.ts';
import { initialize, noon, oauthAgent, pkce } from '../../support/oauth-agent.ts';

async function open(t: TestContext) {
  const clock = { now: noon };
  const dataDir = await mkdtemp(join(tmpdir(), 'gatehouse-oauth-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const bundle = makeBundle({ servers: [entry({ id: 'one', url: 'http://127.0.0.1:9/', tools: [{ name: 'look' }] })] });
  const gateway = await openTestGateway(bundle, { now: () => clock.now, dataDir });
  t.after(() => gateway.close());
  const origin = new URL(gateway.url).origin;
  return { ...gateway, clock, dataDir, origin, agent: oauthAgent(origin, gateway.authorization) };
}

for (const spelling of ['127.0.0.1', 'localhost', '[::1]'])
  test(`an agent signs in by itself at ${spelling}: every name that it is told is spelt so`, async (t) => {
    const { gateway, authorization } = await open(t);
    const host = `${spelling}:${gateway.port}`;
    const origin = `http://${host}`;
    const agent = oauthAgent(origin, authorization);
    const refused = await raw(`${origin}/mcp`, { headers: { 'content-type': 'application/json' }, body: '{}' });
    assert.equal(refused.status, 401);
    const challenge = String(refused.headers['www-authenticate']);
    assert.equal(challenge, `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`);
    const resource = (await raw(/"(.*)"/.exec(challenge)![1]!, { method: 'GET' })).json();
    assert.equal(resource['resource'], `${origin}/mcp`);
    assert.deepEqual(resource['authorization_servers'], [origin]);
    const metadata = (await raw(`${origin}/.well-known/oauth-authorization-server`, { method: 'GET' })).json();
    assert.equal(metadata['issuer'], origin);
    for (const name of ['authorization', 'token', 'registration', 'revocation'])
      assert.ok(String(metadata[`${name}_endpoint`]).startsWith(`${origin}/`), name);
    const { tokens, to } = await agent.signIn();
    assert.equal(to.searchParams.get('iss'), origin);
    assert.equal(to.searchParams.get('state'), 'a state');
    const { access_token, token_type, expires_in } = await tokens();
    assert.deepEqual([token_type, expires_in], ['Bearer', 3600]);
    assert.equal((await post(`${origin}/mcp`, access_token, initialize)).status, 200);
    // The same gateway under another spelling.
    assert.equal((await post(gateway.url, access_token, initialize)).status, 200);
  });

test('the metadata has what agents look for before they choose how to register', async (t) => {
  const { origin } = await open(t);
  const at = (path: string) => raw(`${origin}${path}`, { method: 'GET' });
  const metadata = (await at('/.well-known/oauth-authorization-server')).json();
  assert.deepEqual(metadata, {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    revocation_endpoint: `${origin}/revoke`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    scopes_supported: ['mcp'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  });
  for (const path of [
    '/.well-known/oauth-authorization-server/mcp',
    '/.well-known/oauth-authorization-server/mcp/s/one',
    '/.well-known/openid-configuration',
    '/.well-known/openid-configuration/mcp',
    '/mcp/.well-known/openid-configuration',
  ])
    assert.deepEqual((await at(path)).json(), metadata, path);
  for (const path of [
    '/.well-known/oauth-authorization-server/else',
    '/.well-known/oauth-authorization-serverx',
    '/x/.well-known/openid-configuration',
  ])
    assert.equal((await at(path)).status, 404, path);
  for (const [path, resource] of [
    ['/.well-known/oauth-protected-resource', '/mcp'],
    ['/.well-known/oauth-protected-resource/mcp', '/mcp'],
    ['/.well-known/oauth-protected-resource/mcp/s/one', '/mcp/s/one'],
    ['/mcp/s/one/.well-known/oauth-protected-resource', '/mcp/s/one'],
  ])
    assert.equal((await at(path!)).json()['resource'], `${origin}${resource}`, path);
});

test('without a token every method at every address is 401, without `error`; with one that is not good it says so', async (t) => {
  const { origin } = await open(t);
  for (const path of ['/mcp', '/mcp/s/one', '/mcp/s/unknown'])
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'OPTIONS']) {
      const { status, headers } = await raw(`${origin}${path}`, { method, headers: { 'mcp-protocol-version': '2024-11-05' } });
      assert.equal(status, 401, `${method} ${path}`);
      assert.equal(
        headers['www-authenticate'],
        `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource${path}"`,
        `${method} ${path}`,
      );
    }
  const wrong = await raw(`${origin}/mcp`, { method: 'GET', headers: { authorization: 'Bearer gho_nothing' } });
  assert.match(String(wrong.headers['www-authenticate']), /^Bearer error="invalid_token", resource_metadata=/);
});

test('registration: what the agent sent comes back, as a public client; nothing is asked that agents leave out', async (t) => {
  const { agent } = await open(t);
  const sent = {
    client_name: 'opencode',
    redirect_uris: [
      'http://127.0.0.1:19876/mcp/oauth/callback',
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://www.cursor.com/cb',
    ],
    token_endpoint_auth_method: 'client_secret_post',
    software_id: 'x',
    scope: 'mcp',
  };
  const { status, json } = await agent.register(sent);
  assert.equal(status, 201);
  const { client_id, client_id_issued_at, ...echoed } = json();
  assert.match(String(client_id), /^[A-Za-z0-9_-]{22}$/);
  assert.equal(client_id_issued_at, noon / 1000);
  assert.deepEqual(echoed, {
    ...sent,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  });
});

test('an agent that signed in is an agent like the others: listed, recorded, revoked with its sessions, and its tokens stand nowhere', async (t) => {
  const { agent, agents, origin, gateway, dataDir, records } = await open(t);
  const { tokens, client } = await agent.signIn({ metadata: { client_name: 'Claude Code (gw)' } });
  const { access_token, refresh_token } = await tokens();
  const session = await legacySession(`${origin}/mcp`, access_token);
  assert.match((await session.send('tools/list')).text, /one__look/);
  await session.send('tools/call', { name: 'one__look', arguments: {} });
  assert.deepEqual(
    (await records()).map(({ method, agent }) => [method, agent]),
    [
      ['gatehouse/ledger-agent', ''],
      ['tools/call', 'Claude Code gw'],
    ],
  );
  const row = agents.list().find(({ name }) => name === 'Claude Code gw')!;
  assert.deepEqual(row.signIn, { client, open: true });
  assert.equal(row.client?.name, 'raw');
  assert.equal(gateway.openOf('Claude Code gw'), 1);
  const kept = readdirSync(dataDir)
    .filter((file) => file.endsWith('.json'))
    .map((file) => readFileSync(join(dataDir, file), 'utf8'))
    .join('\n');
  for (const token of [access_token, refresh_token]) {
    assert.ok(!kept.includes(token.slice(4, 47)));
    assert.ok(kept.includes(createHash('sha256').update(token).digest('base64url')));
  }
  agents.revoke('Claude Code gw');
  assert.equal(gateway.openOf('Claude Code gw'), 0);
  assert.equal((await session.send('tools/list')).status, 401);
  assert.equal((await agent.refresh(refresh_token, client)).json()['error'], 'invalid_grant');
});

test('tokens outlast a restart, and the registration of an agent that got in, too', async (t) => {
  const { agent, dataDir, authorization, agents, clock } = await open(t);
  const { tokens, client } = await agent.signIn();
  const { access_token, refresh_token } = await tokens();
  agents.close();
  authorization.close();
  const again = await openTestGateway(undefined, { dataDir, now: () => clock.now, token: 'none is added' });
  t.after(() => again.close());
  assert.equal((await post(again.url, access_token, initialize)).status, 200);
  const there = oauthAgent(new URL(again.url).origin, again.authorization);
  assert.equal((await there.refresh(refresh_token, client)).status, 200);
  assert.equal((await there.authorize({ client_id: client, code_challenge: pkce().challenge })).status, 303);
});

test('a person may allow under another name, for some servers and some days; then it is over, with its sessions', async (t) => {
  const { agent, agents, origin, clock, gateway } = await open(t);
  const { tokens, client } = await agent.signIn({
    choice: { name: 'Helper', servers: ['one'], expiresAt: noon + 1_000_000 },
  });
  const { access_token, refresh_token } = await tokens();
  const row = agents.list().find(({ name }) => name === 'Helper')!;
  assert.deepEqual([row.servers, row.expiresAt], [['one'], new Date(noon + 1_000_000).toISOString()]);
  const session = await legacySession(`${origin}/mcp`, access_token);
  clock.now = noon + 1_000_000;
  assert.equal((await session.send('tools/list')).status, 401);
  assert.equal((await agent.refresh(refresh_token, client)).json()['error'], 'invalid_grant');
  // Its open streams and sessions end without a request, too.
  for (let waited = 0; gateway.openOf('Helper') > 0; waited += 100) {
    assert.ok(waited < 8_000);
    await new Promise((again) => setTimeout(again, 100));
  }
});

test('who signs in again is limited as before, unless the person says otherwise; a time that is over is none', async (t) => {
  const { agent, agents, clock } = await open(t);
  const limits = () => {
    const { servers, expiresAt } = agents.list().find(({ name }) => name === 'Robot')!;
    return [servers, expiresAt && Date.parse(expiresAt)];
  };
  const { tokens, client } = await agent.signIn({ choice: { servers: ['one'], expiresAt: noon + 1000 } });
  await tokens();
  for (const [choice, expected] of [
    [{}, [['one'], noon + 1000]],
    [{ servers: ['two'] }, [['two'], noon + 1000]],
    [{ expiresAt: noon + 2000 }, [['two'], noon + 2000]],
    [{ servers: 'all', expiresAt: 0 }, [undefined, undefined]],
    [{ servers: ['one'], expiresAt: noon + 3000 }, [['one'], noon + 3000]],
  ] as const) {
    await (await agent.signIn({ client, choice })).tokens();
    assert.deepEqual(limits(), expected);
  }
  clock.now = noon + 3000;
  await (await agent.signIn({ client })).tokens();
  assert.deepEqual(limits(), [['one'], undefined]);
});

test('the same client signs in again as the same agent and keeps its name; another of the same claimed name gets a number', async (t) => {
  const { agent, agents, authorization } = await open(t);
  const { tokens, client } = await agent.signIn();
  await tokens();
  const { tokens: more } = await agent.signIn({ client });
  await more();
  const { tokens: other } = await agent.signIn();
  await other();
  assert.deepEqual(
    agents.list().map(({ name }) => name),
    ['Tester', 'Robot', 'Robot 2'],
  );
  // Nobody takes the name of another agent.
  const begun = await agent.authorize({ client_id: await agent.registered(), code_challenge: pkce().challenge });
  assert.equal(begun.status, 303);
  const [pending] = authorization.pending();
  for (const name of ['Tester', 'robot', 'gatehouse']) assert.throws(() => authorization.allow(pending!.id, { name }), /There is an agent/);
});

test('one client may be two agents, if the person says so, and each signs in again under its own name', async (t) => {
  const { agent, agents, authorization } = await open(t);
  const { client, tokens } = await agent.signIn({ choice: { name: 'At home' } });
  await tokens();
  await (await agent.signIn({ client, choice: { name: 'At work', servers: ['one'] } })).tokens();
  assert.equal((await (await agent.signIn({ client, choice: { name: 'at work' } })).exchange()).status, 200);
  assert.deepEqual(
    agents.list().map(({ name, servers }) => [name, servers]),
    [
      ['Tester', undefined],
      ['At home', undefined],
      ['At work', ['one']],
    ],
  );
  agents.add('Other');
  await assert.rejects(agent.signIn({ client, choice: { name: 'other' } }), { code: 'conflict' });
  for (const { id } of authorization.pending()) authorization.deny(id);
});

test('agents of an older revision name no resource: they get the address of all servers', async (t) => {
  const { agent, authorization, origin } = await open(t);
  const { verifier, challenge } = pkce();
  const client = await agent.registered();
  const to = await agent.sentTo({ client_id: client, code_challenge: challenge, resource: undefined }, (id) => authorization.allow(id, {}));
  const { access_token } = (
    await agent.form('/token', {
      grant_type: 'authorization_code',
      code: to.searchParams.get('code')!,
      client_id: client,
      redirect_uri: 'http://127.0.0.1:7777/callback',
      code_verifier: verifier,
    })
  ).json() as { access_token: string };
  assert.equal((await post(`${origin}/mcp`, access_token, initialize)).status, 200);
  assert.equal((await post(`${origin}/mcp/s/one`, access_token, initialize)).status, 401);
});

test('known agents sign in without a network: their documents are here', async (t) => {
  const { agent, authorization } = await open(t);
  const known = [
    ['https://claude.ai/oauth/claude-code-client-metadata', 'http://localhost:51234/callback', 'Claude Code', 'claude.ai'],
    ['https://claude.ai/oauth/claude-code-client-metadata', 'http://127.0.0.1:51234/callback', 'Claude Code', 'claude.ai'],
    ['https://chatgpt.com/oauth/codex/client.json', 'http://127.0.0.1:4711/callback', 'Codex', 'chatgpt.com'],
    ['https://vscode.dev/oauth/client-metadata.json', 'http://127.0.0.1:33418/', 'Visual Studio Code', 'vscode.dev'],
    ['https://vscode.dev/oauth/client-metadata.json', 'https://vscode.dev/redirect', 'Visual Studio Code', 'vscode.dev'],
  ] as const;
  for (const [client_id, redirect_uri, name, host] of known) {
    const begun = await agent.authorize({ client_id, redirect_uri, code_challenge: pkce().challenge });
    assert.equal(begun.status, 303, begun.text);
    const pending = authorization.pending().at(-1)!;
    assert.deepEqual(pending.client, { name, host });
    authorization.deny(pending.id);
  }
});
