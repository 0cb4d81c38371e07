// Enterprise-managed authorization: the company's identity provider tells an upstream's authorization server who the person is (ID-JAG, RFC 7523).
import assert from 'node:assert/strict';
import type http from 'node:http';
import { type TestContext, test } from 'node:test';
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { upstreamCredentials } from '../../src/app/upstream-credentials.ts';
import { Failure } from '../../src/base/errors.ts';
import { bundleFormat, type ServerEntry, serverEntry } from '../../src/bundle/schema.ts';
import { openForUpstreams } from '../../src/identity/for-upstreams.ts';
import type { TokenSession } from '../../src/identity/session.ts';
import type { Stored } from '../../src/identity/stored.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import type { SignIns } from '../../src/upstreams/oauth/sign-ins.ts';
import { jwtBearer } from '../support/assertion-grant.ts';
import { entry, legacySession, makeBundle, openTestGateway, toldBy } from '../support/gateway.ts';
import { testHost } from '../support/host.ts';
import { serveNoting } from '../support/noting-server.ts';
import { openOAuthUpstream } from '../support/oauth-upstream.ts';
import { secretsOver } from '../support/secrets.ts';
import { claimsOf, notingFetch, signIn, startIdentity, startIdp } from '../support/sign-in.ts';

type Stated = Extract<ServerEntry['auth'], { type: 'enterprise-managed' }>;
const secret = 'app-secret-of-gatehouse';
const idJag = 'urn:ietf:params:oauth:token-type:id-jag';

const json = (response: http.ServerResponse, status: number, body: unknown): true => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  return true;
};

/** A company whose identity provider the upstream's authorization server believes; the upstream knows Gatehouse as `app` or, without a secret, as `public`. */
async function open(
  t: TestContext,
  options: {
    auth?: Partial<Stated>;
    lifetime?: number;
    instead?: (path: string, issuer: string, request: http.IncomingMessage, response: http.ServerResponse) => boolean | Promise<boolean>;
  } = {},
) {
  const { auth = { clientSecret: 'proof' }, lifetime, instead } = options;
  const partners: { issuer: string; clientId: string }[] = [];
  const idp = await startIdp(t, { partners });
  const client = (id: string, more: object) => ({
    client_id: id,
    grant_types: [jwtBearer],
    redirect_uris: [],
    response_types: [],
    ...more,
  });
  const upstream = await openOAuthUpstream(t, {
    ...(lifetime === undefined ? {} : { lifetime }),
    ...(instead ? { instead } : {}),
    registration: false,
    clients: [
      client('app', { client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' }),
      client('public', { token_endpoint_auth_method: 'none' }),
    ],
    trusts: () => idp.issuer,
  });
  partners.push({ issuer: upstream.issuer, clientId: auth.clientId ?? 'app' });
  const { fetch: real, posts } = notingFetch();
  const provider: { answers: ((body: URLSearchParams) => object) | undefined } = { answers: undefined };
  const fetch: typeof real = async (input, init) => {
    if (!provider.answers || !String(init?.body).includes('token-exchange')) return real(input, init);
    const body = new URLSearchParams(String(init!.body));
    posts.push({ path: '/token', body, status: 0, answer: {} });
    const answer = provider.answers(body);
    return new Response(JSON.stringify(answer), { status: 'error' in answer ? 400 : 200, headers: { 'content-type': 'application/json' } });
  };
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch, now }));
  const server = entry({
    id: 'own',
    url: upstream.url,
    era: 'legacy',
    auth: { type: 'enterprise-managed', issuer: upstream.issuer, clientId: 'app', ...auth },
    secrets: auth.clientSecret === undefined ? [] : [{ name: 'proof', description: '', required: true, where: [] }],
    tools: [{ name: 'who' }],
  });
  const held = secretsOver();
  if (auth.clientSecret !== undefined) await held.secrets.set(server, 'proof', secret);
  const house = await openTestGateway(makeBundle({ format: bundleFormat([server]), servers: [server] }), {
    secrets: held.secrets,
    person: () => identity.state().person?.sub ?? '',
    // As the core wires them.
    credentials: upstreamCredentials({
      now,
      identity: () => identity,
      secrets: held.secrets,
      signIns: { credentials: companyHeaders } as unknown as SignIns,
    }),
  });
  t.after(() => house.close());
  const session = await legacySession(house.url, house.token);
  const call = () => toldBy(session, 'own__who');
  return {
    ...{ upstream, idp, identity, posts, provider, house, call, server, partners },
    forward: (ms: number) => (ahead += ms),
    asked: () => posts.filter(({ body }) => body.get('requested_token_type') === idJag),
    grants: () => upstream.asked.filter(({ path }) => path === '/token'),
  };
}

test('without a click a call is made as the person; the upstream gets an assertion that is for it, and no other token of anybody', async (t) => {
  const { upstream, identity, house, call, asked, grants, idp, forward } = await open(t, { lifetime: 300 });
  assert.ok((await call()).failed);
  assert.deepEqual([upstream.bearers, grants()], [[], []], 'nothing was sent for nobody');
  await signIn(identity, 'engineer');
  forward(6000);
  assert.deepEqual(await call(), { failed: false, text: 'engineer' });
  for (let n = 0; n < 5; n++) await call();
  assert.deepEqual([asked().length, grants().length], [1, 1], 'kept until it ends');
  const { body } = asked()[0]!;
  assert.equal(body.get('subject_token_type'), 'urn:ietf:params:oauth:token-type:id_token');
  assert.deepEqual([body.get('audience'), body.get('resource')], [upstream.issuer, upstream.url]);
  const sent = grants()[0]!.body;
  assert.deepEqual([sent.get('grant_type'), sent.get('resource')], [jwtBearer, upstream.url]);
  const claims = claimsOf(sent.get('assertion')!);
  const { iss, sub, aud, client_id, resource } = claims;
  assert.deepEqual(
    { iss, sub, aud, client_id, resource },
    { iss: idp.issuer, sub: 'engineer', aud: upstream.issuer, client_id: 'app', resource: upstream.url },
  );
  assert.ok(Number(claims['exp']) - Number(claims['iat']) <= 300);
  const foreign = [await identity.accessToken(), body.get('subject_token')!, house.token];
  const seen = JSON.stringify([upstream.bearers, upstream.asked.map(({ body }) => [...body])]);
  for (const token of foreign) assert.ok(!seen.includes(token));
  forward(301_000);
  assert.equal((await call()).failed, false);
  assert.notEqual(claimsOf(grants()[1]!.body.get('assertion')!)['jti'], claims['jti'], 'each assertion is used once');
});

test('two people are two subjects; what was issued for one is not used by the next', async (t) => {
  const { upstream, identity, call } = await open(t);
  await signIn(identity, 'engineer');
  await call();
  await identity.signOut();
  const sent = upstream.bearers.length;
  assert.ok((await call()).failed);
  assert.equal(upstream.bearers.length, sent);
  await signIn(identity, 'marketer');
  assert.deepEqual(await call(), { failed: false, text: 'marketer' });
  assert.deepEqual(
    upstream.log.map(({ sub }) => sub),
    ['engineer', 'marketer'],
  );
});

test('a public client needs no secret; a scope and no resource are as the entry says', async (t) => {
  const { identity, call, asked, grants } = await open(t, { auth: { clientId: 'public', scope: 'mcp' } });
  await signIn(identity);
  assert.deepEqual(await call(), { failed: false, text: 'engineer' });
  assert.equal(grants()[0]!.body.get('client_id'), 'public');
  assert.deepEqual([asked()[0]!.body.get('scope'), grants()[0]!.body.get('scope')], ['mcp', 'mcp']);
  const bare = await open(t, { auth: { clientId: 'public', resource: false } });
  await signIn(bare.identity);
  const { failed, text } = await bare.call();
  assert.ok(failed && /invalid_grant/.test(text), text);
  assert.deepEqual([bare.asked()[0]!.body.get('resource'), bare.grants()[0]!.body.get('resource')], [null, null]);
});

test("the upstream's authorization server checks: an assertion for another client, an identity provider that does not know it", async (t) => {
  const { identity, call, partners, forward, upstream, posts } = await open(t);
  await signIn(identity);
  const [mine] = partners.splice(0, 1, { issuer: upstream.issuer, clientId: 'another' });
  assert.match((await call()).text, /authorization server 127\.0\.0\.1:\d+ issues no token for it \(invalid_grant\)/);
  partners.length = 0;
  forward(6000);
  const before = posts.length;
  for (let n = 0; n < 10; n++)
    assert.match((await call()).text, /identity provider 127\.0\.0\.1:\d+ issues no token for it \(invalid_target\)/);
  assert.equal(posts.length, before + 1, 'not asked again for each call');
  assert.deepEqual(upstream.bearers, []);
  partners.push(mine!);
  forward(6000);
  assert.equal((await call()).failed, false);
});

test('an assertion is good once, for its time, from the provider that is trusted: the server of these tests refuses all else', async (t) => {
  const { identity, call, grants, upstream, idp } = await open(t);
  await signIn(identity);
  await call();
  const post = (assertion: string) =>
    fetch(`${upstream.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`app:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: jwtBearer, assertion }),
    }).then((response) => response.status);
  const used = grants()[0]!.body.get('assertion')!;
  assert.equal(await post(used), 400, 'replayed');
  const { privateKey } = await generateKeyPair('ES256');
  const forged = await new SignJWT({ ...claimsOf(used), jti: 'another' })
    .setProtectedHeader({ alg: 'ES256', typ: 'oauth-id-jag+jwt' })
    .sign(privateKey);
  assert.equal(await post(forged), 400, 'forged');
  assert.equal(await post(new UnsecuredJWT({ ...claimsOf(used), jti: 'x' }).encode()), 400, 'unsigned');
  const other = await identity.assertion('engineer', { audience: upstream.issuer, resource: 'https://other.example' });
  assert.equal(await post(other), 400, 'for another resource');
  const good = await identity.assertion('engineer', { audience: upstream.issuer, resource: upstream.url });
  assert.equal(await post(good), 200);
  assert.equal(claimsOf(good)['iss'], idp.issuer);
});

test('whatever the identity provider answers, only an ID-JAG for that server goes to it', async (t) => {
  const { identity, call, provider, forward, grants, asked, house } = await open(t);
  await signIn(identity);
  const company = await identity.accessToken();
  const { privateKey } = await generateKeyPair('ES256');
  const made = (claims: object, typ = 'oauth-id-jag+jwt') =>
    new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', typ }).sign(privateKey);
  const foreign = await made({ aud: 'https://other.example' });
  const both = await made({ aud: ['https://other.example', 'x'] });
  const answer = { issued_token_type: idJag, token_type: 'N_A' };
  for (const one of [
    { ...answer, access_token: company },
    { ...answer, access_token: foreign },
    { ...answer, access_token: both },
    { ...answer, access_token: 'no JWT' },
    { access_token: company, token_type: 'Bearer' },
    { ...answer, access_token: foreign, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    { error: 'invalid_scope', error_description: `bad ${company}` },
    { error: company },
    { ...answer, access_token: foreign, pad: 'x'.repeat(3_000_000) },
  ]) {
    provider.answers = () => one;
    forward(6000);
    const before = asked().length;
    const { failed, text } = await call();
    assert.ok(failed, text);
    assert.equal(asked().length, before + 1);
    const shown = text + JSON.stringify(house.upstreams.get('own')!.status()) + JSON.stringify(await house.records());
    for (const part of company.split('.')) assert.ok(!shown.includes(part.slice(0, 60)));
    assert.ok(text.length < 700, text);
  }
  assert.deepEqual(grants(), []);
});

test('an authorization server that lies gets no assertion, and none is asked for', async (t) => {
  const elsewhere = await serveNoting(t);
  const say: { now: (issuer: string) => object | undefined } = { now: () => undefined };
  const { identity, call, forward, asked } = await open(t, {
    instead(path, issuer, _request, response) {
      const said = path.startsWith('/.well-known/oauth-authorization') ? say.now(issuer) : undefined;
      return said ? json(response, 200, said) : false;
    },
  });
  await signIn(identity);
  for (const [said, expected] of [
    [() => ({ issuer: 'https://other.example', token_endpoint: 'https://other.example/token' }), /says that it is another server/],
    [(issuer) => ({ issuer, token_endpoint: `${elsewhere.origin}/token` }), /auth\.tokenEndpoint/],
    [(issuer) => ({ issuer }), /cannot be read/],
  ] as [typeof say.now, RegExp][]) {
    say.now = said;
    forward(6000);
    assert.match((await call()).text, expected);
  }
  assert.deepEqual([asked(), elsewhere.seen], [[], []]);
  say.now = () => undefined;
  forward(6000);
  assert.equal((await call()).failed, false);
});

test('an ID token that has ended is renewed first, once a minute at most; where the provider renews none, the person is told what to do', async () => {
  const { privateKey } = await generateKeyPair('ES256');
  let now = Date.now();
  const idToken = (seconds: number) =>
    new SignJWT({ sub: 'ann' })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime(Math.floor(now / 1000) + seconds)
      .sign(privateKey);
  const stored: Stored = { person: { sub: 'ann', name: 'Ann', groups: [] }, refreshToken: 'r', idToken: await idToken(5) };
  let refreshed = 0;
  let next: string | undefined;
  const session: TokenSession = {
    async token() {
      refreshed++;
      if (next !== undefined) stored.idToken = next;
      return 'access';
    },
    stop: async () => undefined,
  };
  let present: TokenSession | undefined = session;
  const reached = new Error('the provider was asked');
  const { assertion } = openForUpstreams({
    issuer: 'https://idp.example',
    now: () => now,
    configuration: () => Promise.reject(reached),
    session: () => present,
    stored: () => stored,
  });
  const ask = (person = 'ann') =>
    assertion(person, { audience: 'https://as.example' }).then(
      () => 'issued',
      (error: Failure) => (/could not be asked/.test(error.message) ? 'asked' : error.message),
    );
  assert.match(await ask(), /has not renewed the proof of who you are \(ID token\)/);
  for (let n = 0; n < 5; n++) await ask();
  assert.equal(refreshed, 1);
  now += 61_000;
  next = await idToken(600);
  assert.equal(await ask(), 'asked');
  assert.equal(refreshed, 2);
  now += 61_000;
  assert.equal(await ask(), 'asked');
  assert.equal(refreshed, 2, 'a good one is used as it is');
  // A clock that is far ahead of the provider's: what has just come from there is tried all the same, and its end is for the provider to say.
  now += 7_200_000;
  next = await idToken(-3600);
  assert.equal(await ask(), 'asked');
  now += 61_000;
  assert.equal(await ask(), 'asked');
  assert.equal(refreshed, 3);
  delete stored.idToken;
  next = undefined;
  delete stored.refreshToken;
  now += 61_000;
  assert.match(await ask(), /sign in again|ID token/);
  assert.equal(refreshed, 3, 'an attempt without a refresh token would end the sign-in');
  assert.match(await ask('bob'), /not signed in/);
  present = undefined;
  assert.match(await ask(), /not signed in/);
  await assert.rejects(assertion('ann', { audience: 'x' }), (error) => error instanceof Failure && error.code === 'signed-out');
});

test('an entry may leave the proof out, but not state two, and nothing goes in the clear', () => {
  const auth = { type: 'enterprise-managed', issuer: 'https://login.example', clientId: 'app' };
  const { tools: _tools, catalogue: _catalogue, ...plain } = entry({ id: 'own', url: 'https://a.example/mcp', era: 'auto' });
  const refused = (change: object, secrets: unknown[] = []) =>
    serverEntry.safeParse({ ...plain, catalogue: {}, tools: {}, secrets, auth: { ...auth, ...change } }).error?.issues[0]?.message ?? '';
  assert.equal(refused({}), '');
  assert.match(refused({ issuer: 'http://login.example' }), /in the clear/);
  assert.match(refused({ clientSecret: 'a', privateKey: 'b' }), /not by both/);
  assert.match(refused({ clientSecret: 'a' }), /none of the required secrets/);
});
