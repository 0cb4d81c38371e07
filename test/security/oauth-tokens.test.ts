import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { entry, legacySession, makeBundle, openTestGateway, post } from '../support/gateway.ts';
import { initialize, noon, oauthAgent, pkce, type TokenAnswer } from '../support/oauth-agent.ts';

/** Attacks on codes and tokens: what is stolen, guessed, used twice, or used elsewhere. */

async function open(t: TestContext) {
  const clock = { now: noon };
  const server = (id: string) => entry({ id, url: 'http://127.0.0.1:9/', tools: [{ name: 'look' }] });
  const gateway = await openTestGateway(makeBundle({ servers: [server('one'), server('two')] }), { now: () => clock.now });
  t.after(() => gateway.close());
  const { origin } = new URL(gateway.url);
  const good = async (token: string, path = '/mcp') => (await post(`${origin}${path}`, token, initialize)).status === 200;
  return { ...gateway, clock, origin, good, agent: oauthAgent(origin, gateway.authorization) };
}

type Answer = { status: number; json(): Record<string, unknown> };
const refused = ({ status, json }: Answer, error: string, because?: string) => {
  assert.deepEqual([status, json()['error']], [error === 'invalid_client' ? 401 : 400, error], because);
  assert.equal(json()['access_token'], undefined);
};

test('a code is good once; whoever uses it again ends what it gave', async (t) => {
  const { agent, good } = await open(t);
  const { exchange } = await agent.signIn();
  const first = (await exchange()).json() as unknown as TokenAnswer;
  assert.ok(await good(first.access_token));
  refused(await exchange(), 'invalid_grant');
  assert.ok(!(await good(first.access_token)));
});

test('the open session of tokens whose code was used twice ends', async (t) => {
  const { agent, origin, gateway } = await open(t);
  const { exchange, tokens } = await agent.signIn();
  await legacySession(`${origin}/mcp`, (await tokens()).access_token);
  assert.equal(gateway.openOf('Robot'), 1);
  await exchange();
  assert.equal(gateway.openOf('Robot'), 0);
});

test('a code is good for a minute', async (t) => {
  const { agent, clock } = await open(t);
  const { exchange } = await agent.signIn();
  clock.now += 60_001;
  refused(await exchange(), 'invalid_grant');
});

test('a code is bound to client, redirect URI, verifier and address, and one wrong try uses it up', async (t) => {
  const { agent, origin, agents } = await open(t);
  const other = await agent.registered();
  for (const [change, error] of [
    [{ client_id: other }, 'invalid_grant'],
    [{ client_id: 'nobody' }, 'invalid_client'],
    [{ redirect_uri: 'http://127.0.0.1:7778/callback' }, 'invalid_grant'],
    [{ redirect_uri: '' }, 'invalid_grant'],
    [{ code_verifier: pkce().verifier }, 'invalid_grant'],
    [{ code_verifier: '' }, 'invalid_grant'],
    [{ code_verifier: 'x'.repeat(129) }, 'invalid_grant'],
    [{ resource: `${origin}/mcp/s/one` }, 'invalid_target'],
    [{ resource: 'https://example.com/mcp' }, 'invalid_target'],
  ] as const) {
    const { exchange } = await agent.signIn();
    refused(await exchange(change), error, JSON.stringify(change));
    // The client that is not known learned nothing of the code; all else has used it up.
    if (error !== 'invalid_client') refused(await exchange(), 'invalid_grant', JSON.stringify(change));
  }
  assert.deepEqual(
    agents.list().map(({ name }) => name),
    ['Tester'],
    'nobody got in',
  );
});

test('a token opens the address that it was given for, and no other', async (t) => {
  const { agent, origin, good } = await open(t);
  const { tokens } = await agent.signIn({ resource: `${origin}/mcp/s/one` });
  const { access_token } = await tokens();
  assert.ok(await good(access_token, '/mcp/s/one'));
  for (const path of ['/mcp', '/mcp/s/two']) assert.ok(!(await good(access_token, path)), path);
  // On a connection that knows the token already, too: kept alive, the hash is not looked up again.
  const kept = async (path: string) =>
    (
      await fetch(`${origin}${path}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${access_token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify(initialize),
      })
    ).status;
  assert.deepEqual(
    [await kept('/mcp/s/one'), await kept('/mcp/s/two'), await kept('/mcp'), await kept('/mcp/s/one')],
    [200, 401, 401, 200],
  );
});

test('an access token is good for an hour, and neither a refresh token nor a code is one', async (t) => {
  const { agent, clock, good } = await open(t);
  const { tokens, code } = await agent.signIn();
  const { access_token, refresh_token } = await tokens();
  for (const wrong of [refresh_token, code, access_token.replace('gho_', 'gha_'), access_token.slice(0, -1)])
    assert.ok(!(await good(wrong)));
  clock.now += 3_599_000;
  assert.ok(await good(access_token));
  clock.now += 1_000;
  assert.ok(!(await good(access_token)));
});

test('refresh tokens are replaced at each use; the old one, used later, ends the whole family', async (t) => {
  const { agent, clock, good, gateway, origin } = await open(t);
  const { tokens, client } = await agent.signIn();
  const first = await tokens();
  const second = (await agent.refresh(first.refresh_token, client)).json() as unknown as TokenAnswer;
  assert.notEqual(second.refresh_token, first.refresh_token);
  assert.ok((await good(first.access_token)) && (await good(second.access_token)));
  const session = await legacySession(`${origin}/mcp`, second.access_token);
  clock.now += 31_000;
  refused(await agent.refresh(first.refresh_token, client), 'invalid_grant');
  for (const token of [first.access_token, second.access_token]) assert.ok(!(await good(token)));
  refused(await agent.refresh(second.refresh_token, client), 'invalid_grant');
  assert.equal(gateway.openOf('Robot'), 0);
  assert.equal((await session.send('tools/list')).status, 401);
});

test('processes of one agent that refresh at the same moment all get on; the second family of another sign-in is not touched', async (t) => {
  const { agent, clock, good } = await open(t);
  const { tokens, client } = await agent.signIn();
  const other = await (await agent.signIn({ client })).tokens();
  const { refresh_token } = await tokens();
  const answers = await Promise.all(Array.from({ length: 8 }, () => agent.refresh(refresh_token, client)));
  const next = answers.map((answer) => answer.json() as unknown as TokenAnswer);
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array(8).fill(200),
  );
  clock.now += 40_000;
  // Each goes on with its own.
  for (const { refresh_token: mine } of next.slice(0, 3)) assert.equal((await agent.refresh(mine, client)).status, 200);
  refused(await agent.refresh(refresh_token, client), 'invalid_grant');
  for (const { access_token } of next) assert.ok(!(await good(access_token)));
  assert.ok(await good(other.access_token));
});

test('a refresh token is of no use to another client, for another address, or after a month without use', async (t) => {
  const { agent, clock, origin, agents } = await open(t);
  const { tokens, client } = await agent.signIn();
  const { refresh_token } = await tokens();
  const other = await (await agent.signIn()).client;
  refused(await agent.refresh(refresh_token, other), 'invalid_grant');
  refused(await agent.refresh(refresh_token, client, { resource: `${origin}/mcp/s/one` }), 'invalid_grant');
  refused(await agent.refresh(refresh_token, ''), 'invalid_client');
  assert.equal((await agent.refresh(refresh_token, client, { resource: `${origin}/mcp` })).status, 200, 'none of these was a use');
  const next = (await agent.refresh(refresh_token, client)).json() as unknown as TokenAnswer;
  clock.now += 31 * 86_400_000;
  refused(await agent.refresh(next.refresh_token, client), 'invalid_grant');
  assert.ok(agents.list().some(({ name }) => name === 'Robot'));
});

test('revocation (RFC 7009): an access token alone, a refresh token with its family, nobody else’s', async (t) => {
  const { agent, good, agents } = await open(t);
  const { tokens, client } = await agent.signIn();
  const first = await tokens();
  const second = (await agent.refresh(first.refresh_token, client)).json() as unknown as TokenAnswer;
  const stranger = await agent.registered();
  for (const token of [second.refresh_token, first.access_token, 'nonsense'])
    assert.equal((await agent.form('/revoke', { token, client_id: stranger })).status, 200);
  assert.ok((await good(first.access_token)) && (await good(second.access_token)));
  await agent.form('/revoke', { token: first.access_token, client_id: client });
  assert.deepEqual([await good(first.access_token), await good(second.access_token)], [false, true]);
  await agent.form('/revoke', { token: second.refresh_token, client_id: client });
  assert.ok(!(await good(second.access_token)));
  assert.deepEqual(agents.list().find(({ name }) => name === 'Robot')?.signIn, { client, open: false });
});

test('what was allowed for an agent that is revoked before the code is used gives nothing', async (t) => {
  const { agent, agents } = await open(t);
  const { tokens, client } = await agent.signIn();
  await tokens();
  const { exchange } = await agent.signIn({ client });
  agents.revoke('Robot');
  refused(await exchange(), 'invalid_grant');
  assert.ok(agents.list().find(({ name }) => name === 'Robot')?.revokedAt);
});

test('of what the person says of one agent the last word holds, whichever code is used last', async (t) => {
  const { agent, agents } = await open(t);
  const reach = () => agents.list().find(({ name }) => name === 'Robot')?.servers;
  const { tokens, client } = await agent.signIn({ choice: { servers: 'all' } });
  await tokens();
  const wide = await agent.signIn({ client, choice: { servers: 'all' } });
  agents.limit('Robot', ['one']);
  assert.equal((await wide.exchange()).status, 200);
  assert.deepEqual(reach(), ['one'], 'a code from before widens nothing');

  const [before, after] = [
    await agent.signIn({ client, choice: { servers: 'all', expiresAt: 0 } }),
    await agent.signIn({ client, choice: { servers: ['two'], expiresAt: noon + 60_000 } }),
  ];
  assert.equal((await after.exchange()).status, 200);
  assert.equal((await before.exchange()).status, 200);
  assert.deepEqual(reach(), ['two']);
  const [row] = agents.list().filter(({ name }) => name === 'Robot');
  assert.equal(row!.expiresAt, new Date(noon + 60_000).toISOString());
});

test('what was allowed and not fetched yet goes by the last word, too', async (t) => {
  const { agent, agents, authorization } = await open(t);
  const client = await agent.registered();
  const { verifier, challenge } = pkce();
  const { headers } = await agent.authorize({ client_id: client, code_challenge: challenge });
  authorization.allow(authorization.pending()[0]!.id, { servers: 'all' });
  await (await agent.signIn({ client, choice: { servers: ['one'] } })).tokens();
  const code = new URL((await agent.outcome(String(headers.location))).json()['to'] as string).searchParams.get('code')!;
  const redirect_uri = 'http://127.0.0.1:7777/callback';
  const fields = { grant_type: 'authorization_code', code, client_id: client, redirect_uri, code_verifier: verifier };
  assert.equal((await agent.form('/token', fields)).status, 200);
  assert.deepEqual(agents.list().find(({ name }) => name === 'Robot')?.servers, ['one']);
});

test('a parameter that is sent twice is refused, and so are other grant types and forms', async (t) => {
  const { agent, origin } = await open(t);
  const body = 'grant_type=authorization_code&client_id=a&client_id=b';
  const twice = await fetch(`${origin}/token`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body });
  assert.deepEqual([twice.status, ((await twice.json()) as { error: string }).error], [400, 'invalid_request']);
  for (const grant_type of ['client_credentials', 'password', 'urn:ietf:params:oauth:grant-type:token-exchange', ''])
    refused(await agent.form('/token', { grant_type }), 'unsupported_grant_type');
  assert.equal((await agent.form('/token', { grant_type: 'x'.repeat(20_000) })).status, 413);
  const json = await fetch(`${origin}/token`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  assert.equal(json.status, 415);
  for (const path of ['/token', '/register', '/revoke']) assert.equal((await fetch(`${origin}${path}`)).status, 405);
});
