// Token exchange (RFC 8693): each person calls as themselves, with a token for that upstream alone.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Failure } from '../../src/base/errors.ts';
import type { IdpOptions } from '../../src/demo/idp.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import { exchangedTokens } from '../../src/upstreams/credentials/exchange.ts';
import { entry, legacySession, makeBundle, openTestGateway, toldBy } from '../support/gateway.ts';
import { testHost } from '../support/host.ts';
import { type Exchange, notingFetch, signIn, startIdentity, startIdp } from '../support/sign-in.ts';

const exchanges = (posts: Exchange[]) => posts.filter(({ body }) => body.get('grant_type')?.endsWith('token-exchange'));

/** A legacy MCP server that takes only the identity provider's tokens for `audience`, and writes down whose they were. */
async function openServer(t: TestContext) {
  const log: JWTPayload[] = [];
  const bearers: string[] = [];
  const methods: string[] = [];
  const trust = { issuer: '', audience: 'crm', refuses: false };
  let held: { reached: PromiseWithResolvers<void>; refused: PromiseWithResolvers<void> } | undefined;
  /** The next request waits, and is then refused. */
  const hang = () => {
    const mine = { reached: Promise.withResolvers<void>(), refused: Promise.withResolvers<void>() };
    held = mine;
    return { reached: mine.reached.promise, refuse: () => mine.refused.resolve() };
  };
  const server = http.createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const bearer = String(request.headers.authorization ?? '').replace('Bearer ', '');
    bearers.push(bearer);
    const keys = createRemoteJWKSet(new URL(`${trust.issuer}/jwks`));
    const checked = trust.refuses
      ? undefined
      : await jwtVerify(bearer, keys, { issuer: trust.issuer, audience: trust.audience, typ: 'at+jwt' }).catch(() => undefined);
    if (held) {
      const { reached, refused } = held;
      held = undefined;
      reached.resolve();
      await refused.promise;
      return void response.writeHead(401).end();
    }
    if (!checked) return void response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const { id, method } = JSON.parse(text) as { id?: number; method: string };
    if (id === undefined) return void response.writeHead(202).end();
    methods.push(method);
    if (method === 'tools/call') log.push(checked.payload);
    const results: Record<string, unknown> = {
      initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'crm', version: '1' } },
      'tools/call': { content: [{ type: 'text', text: String(checked.payload.sub) }] },
    };
    const answer = results[method] ? { result: results[method] } : { error: { code: -32601, message: 'Method not found' } };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, log, bearers, methods, trust, hang };
}

async function open(
  t: TestContext,
  options: Partial<IdpOptions> & { auth?: { audience?: string; resource?: string; scope?: string } } = {},
) {
  const { auth = { audience: 'crm' }, ...idpOptions } = options;
  const server = await openServer(t);
  const idp = await startIdp(t, { exchangeTargets: ['crm', 'tickets', server.url], ...idpOptions });
  server.trust.issuer = idp.issuer;
  const { fetch: real, posts } = notingFetch();
  const provider: { answers: ((body: URLSearchParams) => Response) | undefined } = { answers: undefined };
  const fetch: typeof real = async (input, init) => {
    const answers = String(init?.body).includes('token-exchange') ? provider.answers : undefined;
    if (!answers) return real(input, init);
    posts.push({ path: '/token', body: new URLSearchParams(String(init!.body)), status: 0, answer: {} });
    return answers(posts.at(-1)!.body);
  };
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const identity: Identity = await startIdentity(t, idp.issuer, testHost({ fetch, now }));
  const bundle = makeBundle({
    servers: [entry({ id: 'crm', url: server.url, era: 'legacy', auth: { type: 'exchange', ...auth }, tools: [{ name: 'who' }] })],
  });
  const house = await openTestGateway(bundle, {
    person: () => identity.state().person?.sub ?? '',
    credentials: openCredentials({
      oauth: companyHeaders,
      'enterprise-managed': companyHeaders,
      'client-credentials': companyHeaders,
      exchange: exchangedTokens({ now, signIn: () => identity.present(), exchange: (person, target) => identity.exchange(person, target) }),
    }),
  });
  t.after(() => house.close());
  const session = await legacySession(house.url, house.token);
  const call = () => toldBy(session, 'crm__who');
  return { server, idp, identity, posts, provider, house, session, call, forward: (ms: number) => (ahead += ms) };
}

test('a call is made as the person, with a token for that server alone; no token of the agent or for the company goes out', async (t) => {
  const { server, identity, posts, house, call } = await open(t);
  await signIn(identity, 'engineer');
  assert.deepEqual(await call(), { failed: false, text: 'engineer' });
  const [seen] = server.log;
  assert.equal(seen!.aud, 'crm');
  assert.deepEqual(seen!['act'], { sub: 'gatehouse-desktop' });
  for (let n = 0; n < 5; n++) await call();
  assert.equal(exchanges(posts).length, 1, 'kept until it ends');
  const company = await identity.accessToken();
  assert.ok(server.bearers.every((bearer) => bearer !== company && bearer !== house.token));
});

test('two people on one server are two subjects in its log, and nobody calls with the token of the one before', async (t) => {
  const { server, identity, call } = await open(t);
  await signIn(identity, 'engineer');
  await call();
  await identity.signOut();
  const between = await call();
  assert.ok(between.failed, between.text);
  await signIn(identity, 'marketer');
  assert.deepEqual(await call(), { failed: false, text: 'marketer' });
  assert.deepEqual(
    server.log.map(({ sub }) => sub),
    ['engineer', 'marketer'],
  );
});

test('a token does not outlive the sign-in that it was made of', async (t) => {
  const { identity, posts, call } = await open(t);
  await signIn(identity);
  await call();
  await identity.signOut();
  await signIn(identity);
  await call();
  assert.equal(exchanges(posts).length, 2);
});

test('200 calls at the end of a token make one exchange', async (t) => {
  const { server, identity, posts, call, forward } = await open(t, { exchangedTokenTtl: 600, accessTokenTtl: 3600 });
  await signIn(identity);
  await call();
  forward(11 * 60_000);
  const answers = await Promise.all(Array.from({ length: 60 }, call));
  await Promise.all(Array.from({ length: 60 }, call));
  await Promise.all(Array.from({ length: 60 }, call));
  await Promise.all(Array.from({ length: 20 }, call));
  assert.ok(answers.every(({ failed }) => !failed));
  assert.equal(exchanges(posts).length, 2);
  assert.equal(new Set(server.bearers.filter((bearer) => bearer !== '')).size, 2);
});

test('shortly before its end a token is given at once while the next one is fetched', async (t) => {
  const { identity, posts, call, forward } = await open(t, { exchangedTokenTtl: 600, accessTokenTtl: 3600 });
  await signIn(identity);
  await call();
  forward(9 * 60_000);
  await call();
  for (let n = 0; n < 50 && exchanges(posts).length < 2; n++) await new Promise((resolve) => setTimeout(resolve, 20));
  await call();
  assert.equal(exchanges(posts).length, 2);
});

test('a server that refuses every token costs one more exchange, not one for each call', async (t) => {
  const { server, identity, posts, call } = await open(t);
  await signIn(identity);
  assert.equal((await call()).failed, false);
  server.trust.refuses = true;
  for (let n = 0; n < 10; n++) assert.ok((await call()).failed);
  assert.equal(exchanges(posts).length, 2);
});

test('a token that the server no longer takes is exchanged anew within the call', async (t) => {
  const { server, identity, call } = await open(t);
  await signIn(identity);
  await call();
  server.trust.refuses = true;
  const late = call();
  while (server.bearers.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  server.trust.refuses = false;
  await late;
  assert.deepEqual(await call(), { failed: false, text: 'engineer' });
});

test('a target that the identity provider does not know fails the call in words, and nothing is sent', async (t) => {
  const { server, identity, posts, call } = await open(t, { auth: { audience: 'payroll' } });
  await signIn(identity);
  const { failed, text } = await call();
  assert.ok(failed);
  assert.match(text, /no credential that crm takes/);
  assert.match(text, /invalid_target/);
  for (let n = 0; n < 20; n++) await call();
  assert.equal(exchanges(posts).length, 1, 'not asked again for each call');
  assert.deepEqual(server.bearers, []);
});

test('without an audience the server is named by its address, with one no resource is sent', async (t) => {
  const { server, identity, posts, call } = await open(t, { auth: { scope: 'read' } });
  server.trust.audience = server.url;
  await signIn(identity);
  assert.equal((await call()).failed, false);
  const { body } = exchanges(posts)[0]!;
  assert.deepEqual([body.get('resource'), body.get('audience'), body.get('scope')], [server.url, null, 'read']);
  assert.equal(server.log[0]!['scope'], 'read');
  const named = await open(t, { auth: { audience: 'tickets' } });
  named.server.trust.audience = 'tickets';
  await signIn(named.identity);
  assert.equal((await named.call()).failed, false);
  assert.equal(exchanges(named.posts)[0]!.body.get('resource'), null);
});

const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
const issued = (more: object) =>
  json({
    access_token: 'abc',
    issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    token_type: 'Bearer',
    expires_in: 600,
    ...more,
  });

test('who signs in need not wait for what failed before', async (t) => {
  const { server, identity, house, call } = await open(t);
  for (let n = 0; n < 3; n++) assert.ok((await call()).failed);
  await signIn(identity);
  house.upstreams.signedIn();
  assert.deepEqual(await call(), { failed: false, text: 'engineer' });
  // The session at the server was begun with the first person's token.
  await identity.signOut();
  await signIn(identity, 'marketer');
  const before = server.methods.length;
  house.upstreams.signedIn();
  assert.deepEqual(await call(), { failed: false, text: 'marketer' });
  assert.ok(server.methods.slice(before).includes('initialize'));
});

test('what an identity provider says of an exchange reaches nobody but as a code: it may hold the token that was sent', async (t) => {
  const { identity, provider, house, call, forward } = await open(t);
  await signIn(identity);
  const company = await identity.accessToken();
  for (const answer of [
    (subject: string) => ({ error: `x_${subject}\n${'y'.repeat(300_000)}` }),
    (subject: string) => ({ error: 'invalid_target', error_description: `bad subject_token ${subject}` }),
    (subject: string) => ({ error: 'invalid_scope', error_description: subject.slice(-100) }),
  ]) {
    provider.answers = (body) => json(answer(body.get('subject_token')!), 400);
    forward(400_000);
    const { failed, text } = await call();
    assert.ok(failed);
    const shown = text + JSON.stringify(house.upstreams.get('crm')!.status()) + JSON.stringify(await house.records());
    assert.ok(text.length < 600, text.slice(0, 600));
    for (const part of company.split('.')) assert.ok(!shown.includes(part.slice(0, 60)) && !shown.includes(part.slice(-60)));
  }
});

for (const [what, more] of [
  ['a token that is no bearer', { access_token: 'a b' }],
  ['a token with a line end', { access_token: 'a\r\nx: y' }],
  ['a token of megabytes', { access_token: 'a'.repeat(500_000) }],
  ['a token that ends at once', { expires_in: 0 }],
  ['a token of another type', { token_type: 'DPoP' }],
  ['something that is no access token', { issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
  ['an answer without end', { pad: 'x'.repeat(3_000_000) }],
] as const)
  test(`${what} is a failed exchange, not asked for again by each call`, async (t) => {
    const { server, identity, posts, provider, call, forward } = await open(t, { accessTokenTtl: 3600, exchangedTokenTtl: 600 });
    await signIn(identity);
    assert.equal((await call()).failed, false);
    const before = server.bearers.length;
    provider.answers = () => issued(more);
    forward(700_000);
    for (let n = 0; n < 20; n++) assert.ok((await call()).failed);
    assert.equal(exchanges(posts).length, 2);
    assert.equal(server.bearers.length, before, 'nothing was sent without a credential');
    provider.answers = undefined;
    forward(6000);
    assert.equal((await call()).failed, false);
  });

test('one stray 401 while no token can be had costs that call, not the ones behind it', async (t) => {
  const { server, identity, provider, call } = await open(t);
  await signIn(identity);
  await call();
  provider.answers = () => json({ error: 'temporarily_unavailable' }, 503);
  server.trust.refuses = true;
  assert.ok((await call()).failed);
  server.trust.refuses = false;
  assert.equal((await call()).failed, false);
});

test("a token of the person's that the provider no longer takes is renewed, once", async (t) => {
  const { idp, identity, posts, call, forward } = await open(t, { accessTokenTtl: 3600, exchangedTokenTtl: 600 });
  await signIn(identity);
  await call();
  idp.rotateKeys({ forget: true });
  forward(700_000);
  assert.deepEqual(await call(), { failed: false, text: 'engineer' });
  assert.equal(posts.filter(({ body }) => body.get('grant_type') === 'refresh_token').length, 1);
});

test('whatever a bundle says, no token goes out in the clear or beside another Authorization', async () => {
  const asked: string[] = [];
  const credentials = openCredentials({
    oauth: companyHeaders,
    'enterprise-managed': companyHeaders,
    'client-credentials': companyHeaders,
    exchange: exchangedTokens({
      now: Date.now,
      signIn: () => 1,
      exchange: async (person) => {
        asked.push(person);
        return { accessToken: 'abc', refreshAt: Date.now() + 1000, expiresAt: Date.now() + 2000 };
      },
    }),
  });
  const at = (url: string, headers: Record<string, string> = {}) =>
    (async () => credentials.headers(entry({ id: 'one', url, headers, auth: { type: 'exchange' } }), 'ann', AbortSignal.abort()))();
  for (const url of ['http://192.0.2.2/mcp', 'http://a.example/mcp', 'http://localhost.a.example/mcp', 'http://127.0.0.1.a.example/mcp'])
    await assert.rejects(at(url), /in the clear/);
  await assert.rejects(at('https://a.example/mcp', { AUTHORIZATION: 'Basic x' }), /Authorization of its own/);
  assert.deepEqual(asked, []);
  assert.deepEqual(await at('https://a.example/mcp'), ['authorization', 'Bearer abc']);
});

test('a call that hangs over a change of people is not made again as the next one', async (t) => {
  const { server, identity, call } = await open(t);
  await signIn(identity);
  await call();
  const arrived = server.hang();
  const late = call();
  await arrived.reached;
  await identity.signOut();
  await signIn(identity, 'marketer');
  arrived.refuse();
  assert.ok((await late).failed);
  assert.deepEqual(
    server.log.map(({ sub }) => sub),
    ['engineer'],
  );
});

test('signed out means no token, also for an exchange that was under way', async (t) => {
  const idp = await startIdp(t, { exchangeTargets: ['crm'] });
  let leave = async () => {};
  const { fetch, posts } = notingFetch(async (path) => {
    if (path === '/token' && posts.length > 0) await leave();
  });
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch }));
  const signedOut = (error: Failure) => error.code === 'signed-out';
  await assert.rejects(identity.exchange('engineer', { audience: 'crm' }), signedOut);
  await signIn(identity);
  await assert.rejects(identity.exchange('marketing', { audience: 'crm' }), signedOut);
  assert.ok((await identity.exchange('engineer', { audience: 'crm' })).accessToken);
  leave = async () => {
    leave = async () => {};
    await identity.signOut();
  };
  await assert.rejects(identity.exchange('engineer', { audience: 'crm' }), signedOut);
});
