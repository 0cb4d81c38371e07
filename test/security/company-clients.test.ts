import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { entry, legacySession, makeBundle, openTestGateway, post } from '../support/gateway.ts';
import { initialize, oauthAgent, pkce } from '../support/oauth-agent.ts';

/** What the company says of clients by their id, and who tries to get around it. */

/** Its document is pinned, so that nothing here needs a network. */
const known = 'https://claude.ai/oauth/claude-code-client-metadata';
const redirect = 'http://localhost:7777/callback';
const server = entry({ id: 'one', url: 'http://127.0.0.1:9/', tools: [{ name: 'look' }] });
const stating = (version: number, decision?: 'block') =>
  makeBundle({ servers: [server], version, ...(decision ? { clients: [{ clientId: known, decision }] } : {}) });

async function open(t: TestContext, decision?: 'block') {
  const gateway = await openTestGateway(stating(1, decision));
  t.after(() => gateway.close());
  const { origin } = new URL(gateway.url);
  return { ...gateway, origin, agent: oauthAgent(origin, gateway.authorization) };
}

test('a blocked client is told so, where it may be told; nobody is asked about it', async (t) => {
  const { agent, authorization } = await open(t, 'block');
  const challenge = pkce().challenge;
  const { status, headers } = await agent.authorize({ client_id: known, redirect_uri: redirect, code_challenge: challenge });
  assert.equal(status, 303);
  const to = new URL(String(headers.location));
  assert.equal(`${to.origin}${to.pathname}`, redirect);
  assert.equal(to.searchParams.get('error'), 'unauthorized_client');
  assert.match(to.searchParams.get('error_description')!, /Your company does not let this agent sign in/);
  assert.equal(to.searchParams.get('state'), 'a state');
  // To a place that is not its own, it is not even told that.
  const foreign = await agent.authorize({ client_id: known, redirect_uri: 'https://evil.example/callback', code_challenge: challenge });
  assert.equal(foreign.status, 400);
  assert.equal(foreign.headers.location, undefined);
  assert.equal(authorization.pending().length, 0);
});

test('other spellings of a blocked id are no client, and one that registers itself is asked about under no known host', async (t) => {
  const { agent, authorization } = await open(t, 'block');
  for (const other of [
    known.replace('claude.ai', 'CLAUDE.ai'),
    known.replace('/oauth', '/./oauth'),
    `${known}#a`,
    known.replace('.ai/', '.ai:443/'),
  ]) {
    const { status } = await agent.authorize({ client_id: other, redirect_uri: redirect, code_challenge: pkce().challenge });
    assert.equal(status, 400, other);
  }
  const client_id = await agent.registered({ client_name: 'Claude Code', redirect_uris: [redirect] });
  await agent.authorize({ client_id, redirect_uri: redirect, code_challenge: pkce().challenge });
  assert.deepEqual(
    authorization.pending().map(({ client }) => client),
    [{ name: 'Claude Code' }],
  );
});

test('a bundle that blocks a client ends what it has: sessions, tokens, codes, and the question to the person', async (t) => {
  const { agent, agents, authorization, url, apply } = await open(t);
  const signedIn = await agent.signIn({ client: known, redirect });
  const { access_token, refresh_token } = await signedIn.tokens();
  const session = await legacySession(url, access_token);
  const other = await agent.signIn();
  const { access_token: others } = await other.tokens();
  // A code that was given and not used yet, and a question that waits.
  const late = await agent.signIn({ client: known, redirect });
  await agent.authorize({ client_id: known, redirect_uri: redirect, code_challenge: pkce().challenge });
  const [waiting] = authorization.pending();
  const ended: string[] = [];
  agents.watch(({ kind, name }) => kind === 'ended' && ended.push(name));
  await apply(stating(2, 'block'));
  assert.deepEqual(ended, ['Claude Code']);
  assert.equal((await post(url, access_token, { jsonrpc: '2.0', id: 2, method: 'tools/list' }, session.headers)).status, 401);
  assert.equal((await agent.refresh(refresh_token, known)).json()['error'], 'unauthorized_client');
  assert.equal((await late.exchange()).json()['error'], 'unauthorized_client');
  assert.throws(() => authorization.allow(waiting!.id, {}), { code: 'not-found' });
  assert.equal((await post(url, others, initialize)).status, 200, 'another agent is not touched');
  // The same bundle again ends nothing more; without the block the agent may ask anew, and what ended stays so.
  await apply(stating(3, 'block'));
  assert.equal(ended.length, 1);
  await apply(stating(4));
  assert.equal((await post(url, access_token, initialize)).status, 401);
  assert.equal((await agent.refresh(refresh_token, known)).json()['error'], 'invalid_grant');
  const anew = await agent.signIn({ client: known, redirect });
  assert.equal((await post(url, (await anew.tokens()).access_token, initialize)).status, 200);
});

test('a block holds while there are no rules', async (t) => {
  const { agent, apply } = await open(t, 'block');
  await apply(undefined);
  const { headers } = await agent.authorize({ client_id: known, redirect_uri: redirect, code_challenge: pkce().challenge });
  assert.match(String(headers.location), /error=unauthorized_client/);
});
