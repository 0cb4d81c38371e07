import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { LookupAddress, lookup } from 'node:dns';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import tls from 'node:tls';
import { peersIn } from '../../src/port/owner.ts';
import { certificate, documentServer } from '../support/document-server.ts';
import { entry, legacySession, makeBundle, openTestGateway, post } from '../support/gateway.ts';
import { initialize, oauthAgent, pkce, type TokenAnswer } from '../support/oauth-agent.ts';

/** What the company says of clients by their id, and who tries to get around it. */

tls.setDefaultCACertificates([...tls.getCACertificates('default'), certificate]);

/** Its document is pinned, so that nothing here needs a network. */
const known = 'https://claude.ai/oauth/claude-code-client-metadata';
const redirect = 'http://localhost:7777/callback';
const server = entry({ id: 'one', url: 'http://127.0.0.1:9/', tools: [{ name: 'look' }] });
const stating = (version: number, decision?: 'allow' | 'block', servers?: string[]) =>
  makeBundle({
    servers: [server],
    version,
    ...(decision ? { clients: [{ clientId: known, decision, ...(servers ? { servers } : {}) }] } : {}),
  });

async function open(t: TestContext, decision?: 'allow' | 'block', servers?: string[]) {
  const clock = { now: Date.now() };
  const gateway = await openTestGateway(stating(1, decision, servers), { now: () => clock.now });
  t.after(() => gateway.close());
  const { origin } = new URL(gateway.url);
  return { ...gateway, clock, origin, agent: oauthAgent(origin, gateway.authorization) };
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

/** A program that the person's agent would have opened: it listens for the answer. */
async function listener(t: TestContext, uid?: number) {
  const code =
    "require('node:http').createServer((q, r) => r.end()).listen(0, '127.0.0.1', function () { console.log(this.address().port); })";
  const child = spawn(process.execPath, ['-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  t.after(() => child.kill());
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return `http://localhost:${line}/callback`;
}

const typed = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' };
const linuxOnly = { skip: process.platform !== 'linux' && 'elsewhere nobody comes in without a click' };

/** Whether it came in without a click; what waits for the person is denied. */
async function cameIn(house: Awaited<ReturnType<typeof open>>, fields: Record<string, string>, headers: Record<string, string> = typed) {
  const { agent, authorization, origin } = house;
  const { verifier, challenge } = pkce();
  const begun = await agent.authorize({ client_id: known, code_challenge: challenge, ...fields }, headers);
  if (begun.status !== 303) return { status: begun.status };
  const asked = authorization.pending();
  for (const { id } of asked) authorization.deny(id);
  const { to } = (await agent.outcome(String(begun.headers.location))).json();
  const code = new URL(String(to)).searchParams.get('code');
  const exchange = async () =>
    (
      await agent.form('/token', {
        grant_type: 'authorization_code',
        client_id: known,
        code: code!,
        code_verifier: verifier,
        redirect_uri: fields['redirect_uri']!,
        resource: `${origin}/mcp`,
      })
    ).json() as unknown as TokenAnswer;
  assert.equal(code === null, asked.length === 1, 'either the person is asked, or there is a code');
  return { status: code === null ? 'asked' : 'in', exchange };
}

test('an agent that the company approved comes in without a click, to what the company says', linuxOnly, async (t) => {
  const house = await open(t, 'allow', ['one']);
  const redirect_uri = await listener(t);
  const { status, exchange } = await cameIn(house, { redirect_uri });
  assert.equal(status, 'in');
  const { access_token } = await exchange!();
  assert.equal((await post(house.url, access_token, initialize)).status, 200);
  assert.deepEqual(
    house.agents.list().map(({ name, servers }) => [name, servers]),
    [
      ['Tester', undefined],
      ['Claude Code', ['one']],
    ],
  );
  // The person's word stays above it: narrower holds, wider is theirs to say, and after a revocation they are asked.
  house.agents.limit('Claude Code', []);
  assert.equal((await cameIn(house, { redirect_uri })).status, 'in');
  assert.deepEqual(house.agents.list()[1]!.servers, []);
  house.agents.limit('Claude Code', undefined);
  assert.equal((await cameIn(house, { redirect_uri })).status, 'asked');
  house.agents.revoke('Claude Code');
  assert.equal((await cameIn(house, { redirect_uri })).status, 'asked');
  assert.equal((await post(house.url, access_token, initialize)).status, 401);
});

test('nothing but a program of this user, answered at a program of this user, comes in without a click', linuxOnly, async (t) => {
  const house = await open(t, 'allow');
  const redirect_uri = await listener(t);
  const came = async (fields: Record<string, string>, headers?: Record<string, string>) => (await cameIn(house, fields, headers)).status;
  // A page gets a link; that link, and a browser that does not say who sent it, are a question.
  for (const site of ['cross-site', 'same-site']) {
    assert.equal(await came({ redirect_uri }, { ...typed, 'sec-fetch-site': site }), 200);
    assert.equal(house.authorization.pending().length, 0);
  }
  assert.equal(await came({ redirect_uri }, { ...typed, 'sec-fetch-site': 'same-origin' }), 'asked');
  assert.equal(await came({ redirect_uri }, {}), 'asked');
  assert.equal(await came({ redirect_uri }, { 'sec-fetch-site': 'none' }), 'asked');
  assert.equal(await came({ redirect_uri }, { ...typed, 'sec-fetch-dest': 'iframe' }), 403);
  // Other places: not its own, none that listens, and one that registered itself with the same name.
  assert.equal(await came({ redirect_uri: 'https://evil.example/callback' }), 400);
  assert.equal(await came({ redirect_uri: redirect_uri.replace('/callback', '/other') }), 400);
  assert.equal(await came({ redirect_uri: 'http://localhost:1/callback' }), 'asked');
  const registered = await house.agent.registered({ client_name: 'Claude Code', redirect_uris: [redirect_uri] });
  assert.equal(await came({ client_id: registered, redirect_uri }), 'asked');
  // Without rules, and by a bundle that says it no more.
  await house.apply(undefined);
  assert.equal(await came({ redirect_uri }), 'asked');
  await house.apply(stating(2, 'allow'));
  assert.equal(await came({ redirect_uri }), 'in');
  await house.apply(stating(3));
  assert.equal(await came({ redirect_uri }), 'asked');
  // Nor by one that is stale by now.
  await house.apply(stating(4, 'allow'));
  house.clock.now += 3_700_000;
  assert.equal(await came({ redirect_uri }), 'asked');
});

test("another user's process is a question to the person, whether it asks or listens", {
  skip: process.getuid?.() !== 0 && 'only root starts programs of other users',
}, async (t) => {
  const house = await open(t, 'allow');
  assert.equal((await cameIn(house, { redirect_uri: await listener(t, 65534) })).status, 'asked');
  const url = house.agent.authorizeUrl({ client_id: known, redirect_uri: await listener(t), code_challenge: pkce().challenge });
  const ask = `require('node:http').get(process.argv[1], { headers: ${JSON.stringify(typed)} }, (r) => { console.log(r.statusCode); process.exit(); })`;
  const child = spawn(process.execPath, ['-e', ask, url], { stdio: ['ignore', 'pipe', 'inherit'], uid: 65534, gid: 65534 });
  t.after(() => child.kill());
  assert.deepEqual(await once(createInterface({ input: child.stdout }), 'line'), ['303']);
  assert.equal(house.authorization.pending().length, 1);
});

test('who is at the other end is read for exactly this connection', () => {
  const row = (local: string, remote: string, state: string, uid: number) =>
    `  1: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}  0 77 1`;
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    row('0100007F:1F90', '0100007F:10BB', '01', 1000),
    // The same ports in another state, from another address, to another port, and the other way round.
    row('0100007F:1F90', '0100007F:10BB', '06', 0),
    row('0200007F:1F90', '0100007F:10BB', '01', 2000),
    row('0100007F:1F90', '0100007F:10BC', '01', 3000),
    row('0100007F:10BB', '0100007F:1F90', '01', 4000),
  ].join('\n');
  assert.deepEqual(peersIn(table, { address: '127.0.0.1', port: 8080 }, 4283), [1000]);
  assert.deepEqual(peersIn(table, { address: '127.0.0.2', port: 8080 }, 4283), []);
  assert.deepEqual(peersIn(table, { address: '127.0.0.1', port: 8081 }, 4283), []);
  assert.deepEqual(peersIn('', { address: '127.0.0.1', port: 8080 }, 4283), []);
});

test('a document that changed, or cannot be read any more, is a question or nothing', linuxOnly, async (t) => {
  let answer: { status: number; redirects: string[] } = { status: 200, redirects: ['http://localhost/callback'] };
  const documents = await documentServer(t, (request, response) =>
    response
      .writeHead(answer.status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ client_id: `${documents.origin}${request.url}`, client_name: 'Robot', redirect_uris: answer.redirects })),
  );
  const client_id = `${documents.origin}/client.json`;
  const clock = { now: Date.now() };
  const names = ((_host: string, _options: unknown, done: (error: null, found: LookupAddress[]) => void) =>
    done(null, [{ address: '127.0.0.1', family: 4 }])) as unknown as typeof lookup;
  const bundle = makeBundle({ servers: [server], clients: [{ clientId: client_id, decision: 'allow' }] });
  const gateway = await openTestGateway(bundle, { now: () => clock.now, fetching: { names, most: 'loopback' } });
  t.after(() => gateway.close());
  const { origin } = new URL(gateway.url);
  const house = { ...gateway, clock, origin, agent: oauthAgent(origin, gateway.authorization) };
  const redirect_uri = await listener(t);
  const came = async (uri = redirect_uri) => (await cameIn(house, { client_id, redirect_uri: uri })).status;
  assert.equal(await came(), 'in');
  const later = () => {
    clock.now += 6 * 60_000;
  };
  later();
  answer = { status: 500, redirects: [] };
  assert.equal(await came(), 'asked', 'what it said once is no longer enough');
  later();
  answer = { status: 200, redirects: ['https://evil.example/callback'] };
  assert.equal(await came(), 400);
  assert.equal(await came('https://evil.example/callback'), 'asked', "a place on the web is the person's to allow");
});
