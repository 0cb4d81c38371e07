// Servers that Gatehouse calls as itself: a client that IT registered, its secret or its key in the vault, no click.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type http from 'node:http';
import { type TestContext, test } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import { bundleFormat, type ServerEntry, serverEntry } from '../../src/bundle/schema.ts';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { openCredentials } from '../../src/upstreams/credentials/by-type.ts';
import { companyHeaders } from '../../src/upstreams/credentials/credentials.ts';
import { clientTokens } from '../../src/upstreams/oauth/client-credentials.ts';
import { filledOf } from '../../src/upstreams/secrets/source.ts';
import { entry, legacySession, makeBundle, openTestGateway, toldBy } from '../support/gateway.ts';
import { serveNoting } from '../support/noting-server.ts';
import { openOAuthUpstream } from '../support/oauth-upstream.ts';
import { ann, secretsOver } from '../support/secrets.ts';

type Stated = Extract<ServerEntry['auth'], { type: 'client-credentials' }>;
type Proof = { clientSecret: string } | { privateKey: string };

/** A secret that is a word: an error code could be one, too. */
const secret = 'opensesameopensesame';
const placed = (name: string): ServerEntry['secrets'][number] => ({ name, description: '', required: true, where: [] });
const client = (id: string, more: object) => ({
  client_id: id,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
  ...more,
});
const json = (response: http.ServerResponse, status: number, body: unknown, headers: http.OutgoingHttpHeaders = {}): true => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  return true;
};

/** A gateway in front of one such server, whose authorization server knows the clients `basic`, `post` and `keyed`. */
async function open(
  t: TestContext,
  options: {
    auth?: Partial<Stated> | ((issuer: string) => Partial<Stated>);
    proof?: Proof;
    lifetime?: number;
    jwks?: { keys: object[] };
    instead?: (path: string, issuer: string, request: http.IncomingMessage, response: http.ServerResponse) => boolean | Promise<boolean>;
  } = {},
) {
  const { auth = {}, proof = { clientSecret: secret }, lifetime, instead, jwks } = options;
  const heard: { path: string; authorization: string }[] = [];
  const upstream = await openOAuthUpstream(t, {
    ...(lifetime === undefined ? {} : { lifetime }),
    registration: false,
    clients: [
      client('basic', { client_secret: secret, token_endpoint_auth_method: 'client_secret_basic' }),
      client('post', { client_secret: secret, token_endpoint_auth_method: 'client_secret_post' }),
      ...(jwks ? [client('keyed', { jwks, token_endpoint_auth_method: 'private_key_jwt' })] : []),
    ],
    features: { clientCredentials: { enabled: true } },
    async instead(path, issuer, request, response) {
      heard.push({ path, authorization: request.headers.authorization ?? '' });
      return (await instead?.(path, issuer, request, response)) ?? false;
    },
  });
  const [name, value] = Object.entries(proof)[0]!;
  const server = entry({
    id: 'own',
    url: upstream.url,
    era: 'legacy',
    auth: {
      type: 'client-credentials',
      issuer: upstream.issuer,
      clientId: 'basic',
      [name]: 'proof',
      ...(typeof auth === 'function' ? auth(upstream.issuer) : auth),
    } as Stated,
    secrets: [placed('proof')],
    tools: [{ name: 'who' }],
  });
  const held = secretsOver();
  let ahead = 0;
  const sign = { in: {} };
  const house = await openTestGateway(makeBundle({ format: bundleFormat([server]), servers: [server] }), {
    secrets: held.secrets,
    person: () => 'pat',
    credentials: openCredentials({
      exchange: companyHeaders,
      oauth: companyHeaders,
      'enterprise-managed': companyHeaders,
      'client-credentials': clientTokens({
        now: () => Date.now() + ahead,
        signIn: () => sign.in,
        proof: (entry) => filledOf(held.secrets, entry),
      }),
    }),
  });
  held.whose.upstreams = house.upstreams;
  t.after(() => house.close());
  const session = await legacySession(house.url, house.token);
  const call = () => toldBy(session, 'own__who');
  return {
    ...{ upstream, server, house, call, heard, sign, whose: held.whose, secrets: held.secrets },
    enter: (text = value) => held.secrets.set(server, 'proof', text),
    forward: (ms: number) => (ahead += ms),
    tokens: () => upstream.asked.filter(({ path }) => path === '/token'),
  };
}

test('without a click: the client gets a token for that server alone, which is kept until it ends; its secret goes to the issuer alone', async (t) => {
  const { upstream, call, enter, tokens, forward, heard, secrets, server, house, sign } = await open(t, { lifetime: 600 });
  const before = await call();
  assert.ok(before.failed && /needs proof/.test(before.text), before.text);
  assert.deepEqual([upstream.bearers, heard], [[], []], 'nothing was sent');
  assert.equal(secrets.rows(server)[0]!.goesTo, upstream.issuer);
  await enter();
  assert.deepEqual(await call(), { failed: false, text: 'basic' });
  for (let n = 0; n < 5; n++) await call();
  assert.equal(tokens().length, 1);
  assert.deepEqual(
    [...tokens()[0]!.body],
    [
      ['resource', upstream.url],
      ['grant_type', 'client_credentials'],
    ],
  );
  assert.equal(upstream.log[0]!.aud, upstream.url);
  const basic = Buffer.from(`basic:${secret}`).toString('base64');
  for (const { path, authorization } of heard) assert.equal(authorization.includes(basic), path === '/token', path);
  assert.ok(upstream.bearers.every((bearer) => bearer !== house.token && !bearer?.includes(secret)));
  forward(601_000);
  assert.equal((await call()).failed, false);
  assert.equal(tokens().length, 2);
  sign.in = {};
  assert.equal((await call()).failed, false);
  assert.equal(tokens().length, 3, 'another sign-in has another token');
});

test('client_secret_post, a scope, and no resource where the entry says so', async (t) => {
  const { call, enter, tokens } = await open(t, {
    auth: { clientId: 'post', scope: 'mcp', resource: false },
    instead: (path, issuer, _request, response) =>
      path === '/.well-known/oauth-authorization-server' &&
      json(response, 200, { issuer, token_endpoint: `${issuer}/token`, token_endpoint_auth_methods_supported: ['client_secret_post'] }),
  });
  await enter();
  assert.deepEqual(await call(), { failed: false, text: 'post' });
  const { body } = tokens()[0]!;
  assert.deepEqual(
    [body.get('client_id'), body.get('client_secret'), body.get('scope'), body.get('resource')],
    ['post', secret, 'mcp', null],
  );
});

test('another secret is another token; a wrong one is told as a code, and costs one request in five seconds', async (t) => {
  const { call, enter, tokens, house, upstream } = await open(t);
  await enter();
  assert.equal((await call()).failed, false);
  const sent = upstream.bearers.length;
  await enter('not-the-right-one');
  for (let n = 0; n < 10; n++) {
    const { failed, text } = await call();
    assert.ok(failed && /no credential that own takes/.test(text) && /invalid_client/.test(text), text);
    assert.ok(!JSON.stringify([text, house.upstreams.get('own')!.status()]).includes('not-the-right'));
  }
  assert.equal(tokens().length, 2);
  assert.equal(upstream.bearers.length, sent, 'the server was not asked with the token of before');
  await enter();
  assert.equal((await call()).failed, false);
});

test('nobody who is not there: without the person whose secret it is, no token goes out', async (t) => {
  const { call, enter, whose, upstream } = await open(t);
  await enter();
  assert.equal((await call()).failed, false);
  const sent = upstream.bearers.length;
  whose.scope = undefined;
  assert.ok((await call()).failed);
  whose.scope = [...ann.slice(0, 3), 'bob'] as unknown as typeof ann;
  assert.match((await call()).text, /needs proof/);
  assert.equal(upstream.bearers.length, sent);
});

const pem = (pair: { privateKey: { export(options: { format: 'pem'; type: 'pkcs8' }): string | Buffer } }) =>
  String(pair.privateKey.export({ format: 'pem', type: 'pkcs8' }));
const pairs = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  EdDSA: generateKeyPairSync('ed25519'),
};

for (const [alg, pair] of Object.entries(pairs))
  test(`private_key_jwt with ${alg}: the key signs for the issuer, once each, and goes nowhere`, async (t) => {
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k7', alg, use: 'sig' };
    const { call, enter, tokens, forward, heard, upstream } = await open(t, {
      auth: { clientId: 'keyed', keyId: 'k7' },
      proof: { privateKey: pem(pair) },
      jwks: { keys: [jwk] },
      lifetime: 60,
    });
    await enter();
    assert.deepEqual(await call(), { failed: false, text: 'keyed' });
    forward(61_000);
    assert.equal((await call()).failed, false);
    const [first, second] = tokens().map(({ body }) => {
      assert.equal(body.get('client_assertion_type'), 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      const [header, claims] = body.get('client_assertion')!.split('.');
      return { ...read(header!), ...read(claims!) };
    });
    const { iss, sub, aud, kid } = first!;
    assert.deepEqual({ iss, sub, aud, kid, alg: first!['alg'] }, { iss: 'keyed', sub: 'keyed', aud: upstream.issuer, kid: 'k7', alg });
    assert.notEqual(first!['jti'], second!['jti']);
    assert.ok(Number(first!['exp']) - Number(first!['iat']) <= 60);
    assert.ok(!JSON.stringify([heard, tokens().map(({ body }) => [...body])]).includes('PRIVATE'));
  });
const read = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString());

test('a key is taken in PEM form, also where a field of one line has lost its line ends, and as a JWK with its own name', async (t) => {
  const jwk = { ...(await exportJWK(pairs.ES256.publicKey)), kid: 'k8', alg: 'ES256', use: 'sig' };
  const text = pem(pairs.ES256);
  const own = JSON.stringify({ ...pairs.ES256.privateKey.export({ format: 'jwk' }), kid: 'k8' });
  const { call, enter, tokens, forward } = await open(t, {
    auth: { clientId: 'keyed' },
    proof: { privateKey: text },
    jwks: { keys: [jwk] },
  });
  for (const form of [text.replace(/\n/g, '\r\n'), text.replace(/\n/g, ''), text.trim().replace(/\n/g, ' '), own]) {
    await enter(form);
    assert.deepEqual(await call(), { failed: false, text: 'keyed' }, form.slice(0, 40));
  }
  assert.equal(read(tokens().at(-1)!.body.get('client_assertion')!.split('.')[0]!)['kid'], 'k8');
  const weak = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }));
  const shut = String(pairs.ES256.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }));
  const other = pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }));
  for (const bad of [weak, shut, other, text.replace(/\nM/, '\nA'), '{"kty":"EC"', 'not a key at all', JSON.stringify(await publicJwk())]) {
    await enter(bad);
    forward(6000);
    const { failed, text: said } = await call();
    assert.ok(failed && /private key of its client cannot be used/.test(said), said);
    assert.ok(said.length < 500 && !said.includes(bad.slice(-16)));
  }
});
const publicJwk = async () => exportJWK((await generateKeyPair('ES256', { extractable: true })).publicKey);

test('metadata that lies gets no secret: another issuer, another origin for tokens, a redirect, no answer that can be read', async (t) => {
  const elsewhere = await serveNoting(t);
  const say = { now: (_issuer: string): [status: number, body: unknown, headers?: http.OutgoingHttpHeaders] | undefined => undefined };
  const { call, enter, tokens, forward, heard, upstream } = await open(t, {
    instead(path, issuer, _request, response) {
      const said = path.startsWith('/.well-known/') ? say.now(issuer) : undefined;
      return said ? json(response, ...said) : false;
    },
  });
  await enter();
  const about = (issuer: string, more: object) => ({ issuer, token_endpoint: `${issuer}/token`, ...more });
  for (const [what, answer, expected] of [
    ['another issuer', () => [200, about('https://other.example', {})], /says that it is another server/],
    ['another origin', (issuer) => [200, about(issuer, { token_endpoint: `${elsewhere.origin}/token` })], /auth\.tokenEndpoint/],
    ['in the clear', (issuer) => [200, about(issuer, { token_endpoint: 'http://a.example/token' })], /in the clear/],
    ['no token endpoint', (issuer) => [200, { issuer }], /cannot be read/],
    ['a redirect', () => [302, {}, { location: `${elsewhere.origin}/x` }], /sends elsewhere/],
    ['trouble', () => [503, {}], /problem of its own/],
    ['no end', (issuer) => [200, about(issuer, { pad: 'x'.repeat(50_000_000) })], /could not be reached/],
    ['not there', () => [404, {}], /has no metadata/],
  ] as [string, typeof say.now, RegExp][]) {
    say.now = answer;
    forward(6000);
    const { failed, text } = await call();
    assert.ok(failed && expected.test(text), `${what}: ${text}`);
  }
  assert.equal(tokens().length, 0);
  assert.deepEqual(elsewhere.seen, []);
  assert.ok(!heard.some(({ authorization }) => authorization !== ''));
  assert.deepEqual(upstream.bearers, []);
  say.now = () => undefined;
  forward(6000);
  assert.equal((await call()).failed, false);
});

test('a token endpoint elsewhere is for the company to state; the secret is then meant for there', async (t) => {
  const { enter, call, server, secrets, upstream } = await open(t, {
    // The same server under its other name is another origin.
    auth: (issuer) => ({ tokenEndpoint: `${issuer.replace('127.0.0.1', 'localhost')}/token` }),
    instead(path, issuer, request, response) {
      if (path === '/token' && request.headers.host!.startsWith('localhost')) request.headers.host = new URL(issuer).host;
      return (
        path.startsWith('/.well-known/oauth-authorization') &&
        json(response, 200, { issuer, token_endpoint: `${issuer.replace('127.0.0.1', 'localhost')}/token` })
      );
    },
  });
  const there = upstream.issuer.replace('127.0.0.1', 'localhost');
  assert.equal(secrets.rows(server)[0]!.goesTo, there);
  await enter();
  assert.equal((await call()).failed, false);
});

test('what the token endpoint says reaches nobody but as a code: it may hold the secret, or be one', async (t) => {
  const say = { now: [200, {}] as [status: number, body: unknown, headers?: http.OutgoingHttpHeaders] };
  const { call, enter, forward, house, upstream } = await open(t, {
    instead: (path, _issuer, _request, response) => path === '/token' && json(response, ...say.now),
  });
  await enter();
  const elsewhere = await serveNoting(t);
  const good = { access_token: 'abc', token_type: 'Bearer' };
  for (const answer of [
    [400, { error: secret }],
    [400, { error: 'invalid_client', error_description: `wrong secret ${secret}` }],
    [401, { error: `no\n${secret}` }, { 'www-authenticate': `Basic realm="${secret}"` }],
    [500, secret],
    [307, {}, { location: `${elsewhere.origin}/token` }],
    [200, { ...good, access_token: `a ${secret}` }],
    [200, { ...good, token_type: 'DPoP' }],
    [200, { ...good, expires_in: 0 }],
    [200, { ...good, pad: 'x'.repeat(50_000_000) }],
    [200, { ...good, access_token: 'x'.repeat(100_000) }],
  ] as (typeof say.now)[]) {
    say.now = answer;
    forward(6000);
    const { failed, text } = await call();
    assert.ok(failed, JSON.stringify(answer).slice(0, 100));
    const shown = text + JSON.stringify(house.upstreams.get('own')!.status()) + JSON.stringify(await house.records());
    assert.ok(!shown.includes(secret) && text.length < 600, text);
  }
  assert.deepEqual([elsewhere.seen, upstream.bearers], [[], []]);
});

test('two servers with one client have a token each, and one that moves gets no token of before', async (t) => {
  const { server, upstream, enter, call } = await open(t);
  await enter();
  await call();
  let issued = 0;
  const kinds = clientTokens({ now: Date.now, signIn: () => 1, proof: () => ({ clientSecret: secret, privateKey: undefined }) });
  const ask = async (more: object): Promise<string> => {
    const list = await kinds.headers({ ...server, ...more }, 'pat', AbortSignal.timeout(5000));
    return list[1]!;
  };
  const tokens = () => upstream.asked.filter(({ path }) => path === '/token').length;
  issued = tokens();
  const [first, same, second] = [await ask({}), await ask({}), await ask({ id: 'other' })];
  assert.equal(first, same);
  assert.notEqual(first, second);
  assert.equal(tokens(), issued + 2);
  await assert.rejects(ask({ url: 'https://moved.example/mcp' }), /invalid_target/);
  await assert.rejects(ask({ url: 'http://moved.example/mcp' }), /in the clear/);
  await assert.rejects(ask({ headers: { authorization: 'Basic x' } }), /Authorization of its own/);
});

test('a proof that was entered for one issuer is not used for another; the server may move, since it never gets it', async (t) => {
  const { server, secrets, enter } = await open(t);
  await enter();
  const at = (change: object) => secrets.rows({ ...server, ...change })[0]!;
  assert.equal(at({ url: 'https://b.example/mcp' }).state, 'set');
  for (const change of [{ issuer: 'https://evil.example' }, { tokenEndpoint: 'https://evil.example/token' }]) {
    const moved = at({ auth: { ...server.auth, ...change } });
    assert.equal(moved.state, 'missing');
    assert.match(moved.why!, /moved this server to https:\/\/evil\.example/);
    assert.equal(secrets.filled({ ...server, auth: { ...server.auth, ...change } as Stated }), undefined);
  }
});

test('an entry states one proof, which is a secret that goes nowhere else', async () => {
  const auth = { type: 'client-credentials', issuer: 'https://login.example', clientId: 'app', clientSecret: 'proof' };
  const { tools: _tools, catalogue: _catalogue, ...plain } = entry({ id: 'own', url: 'https://a.example/mcp', era: 'auto' });
  const refused = (change: object, secrets: unknown[] = [placed('proof')]) =>
    serverEntry.safeParse({ ...plain, catalogue: {}, tools: {}, secrets, auth: { ...auth, ...change } }).error?.issues[0]?.message ?? '';
  assert.equal(refused({}), '');
  assert.match(refused({ clientSecret: undefined }), /clientSecret or by a privateKey/);
  assert.match(refused({ privateKey: 'proof' }), /clientSecret or by a privateKey/);
  assert.match(refused({ issuer: 'http://login.example' }), /in the clear/);
  assert.match(refused({ tokenEndpoint: 'http://login.example/token' }), /in the clear/);
  assert.match(refused({}, []), /none of the required secrets/);
  assert.match(refused({}, [{ ...placed('proof'), required: false }]), /none of the required secrets/);
  assert.match(refused({}, [{ ...placed('proof'), where: [{ in: 'header', name: 'x' }] }]), /to the server, too/);
});

test('blessing asks as that client, with the secret from the environment: no person is needed', async (t) => {
  const { server, upstream } = await open(t);
  const { id, url, auth, secrets, era } = server;
  const bless = () => fetchCatalogue({ id, url: url!, auth, secrets, era });
  await assert.rejects(bless(), /cannot be read without proof/);
  process.env['GATEHOUSE_BLESS_SECRET_OWN__PROOF'] = secret;
  t.after(() => delete process.env['GATEHOUSE_BLESS_SECRET_OWN__PROOF']);
  assert.equal((await bless()).serverInfo?.name, 'own');
  assert.ok(upstream.bearers.every((bearer) => bearer !== undefined));
});
