import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { Failure } from '../../src/base/errors.ts';
import { type Log, silent } from '../../src/base/log.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import type { Identity } from '../../src/identity/identity.ts';
import { testHost } from '../support/host.ts';
import { type Exchange, notingFetch, resource, signIn, startIdentity, startIdp, until } from '../support/sign-in.ts';

/** Sends one raw request: fetch would not let us choose Host. */
function raw(
  url: URL,
  method: string,
  headers: Record<string, string>,
  path = `${url.pathname}${url.search}`,
): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: url.hostname, port: url.port, path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

const after = async (identity: Identity) => until(identity, ({ state }) => state !== 'signing-in');

async function started(t: TestContext, options: { posts?: typeof fetch } = {}) {
  const idp = await startIdp(t);
  const host = testHost(options.posts === undefined ? {} : { fetch: options.posts });
  const identity = await startIdentity(t, idp.issuer, host);
  const { url } = await identity.signIn('browser');
  const parameters = new URL(url).searchParams;
  const redirect = new URL(parameters.get('redirect_uri') ?? '');
  return { idp, host, identity, url, redirect, state: parameters.get('state') ?? '', parameters };
}

test('a person signs in through the system browser', async (t) => {
  const { posts, fetch } = notingFetch();
  const { host, identity, url, redirect, parameters } = await started(t, { posts: fetch });
  assert.equal(await host.nextOpened(), url);
  assert.deepEqual(identity.state().prompt, { method: 'browser', url, expiresAt: identity.state().prompt?.expiresAt });
  assert.equal(parameters.get('code_challenge_method'), 'S256');
  assert.equal(parameters.get('resource'), resource);
  assert.equal(redirect.hostname, '127.0.0.1');
  assert.equal(redirect.pathname, '/callback');
  await driveSignIn(url, 'engineer');
  assert.deepEqual(await after(identity), {
    state: 'signed-in',
    person: {
      sub: 'engineer',
      name: 'Ines Varga',
      email: 'ines.varga@lanternworks.example',
      groups: ['staff', 'engineering', 'apollo'],
    },
  });
  assert.equal(posts.filter(({ path }) => path === '/token').length, 1);
  assert.equal(posts[0]?.body.get('resource'), resource);
  assert.ok(await identity.accessToken());
  // One-shot: the listener is gone.
  await assert.rejects(raw(redirect, 'GET', {}), { code: 'ECONNREFUSED' });
});

test('a provider that refuses `resource` is not asked for one, at the sign-in nor later', async (t) => {
  const { posts, fetch } = notingFetch();
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch }), { resource: undefined });
  const { url } = await identity.signIn('browser');
  assert.equal(new URL(url).searchParams.get('resource'), null);
  await driveSignIn(url, 'engineer');
  assert.equal((await after(identity)).state, 'signed-in');
  await identity.accessToken({ forceRefresh: true });
  assert.equal(posts.filter(({ path }) => path === '/token').length, 2);
  assert.ok(posts.every(({ body }) => !body.has('resource')));
});

test('without a browser the address stays to be copied', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer, testHost({ browser: false }));
  const { url } = await identity.signIn('browser');
  await new Promise(setImmediate);
  assert.equal(identity.state().prompt?.url, url);
  await driveSignIn(url, 'admin');
  assert.equal((await after(identity)).person?.sub, 'admin');
});

test('foreign requests to the redirect listener change nothing', async (t) => {
  const { identity, url, redirect, state } = await started(t);
  const get = (path: string, method = 'GET', headers: Record<string, string> = {}) => raw(redirect, method, headers, path);
  const good = `/callback?code=x&state=${state}`;
  assert.equal((await get('/callback?code=x&state=guess')).status, 400);
  assert.equal((await get('/callback?code=x')).status, 400);
  assert.equal((await get(`${good}&state=${state}`)).status, 400);
  assert.equal((await get('/callback?error=access_denied&state=guess')).status, 400);
  assert.equal((await get('/')).status, 404);
  assert.equal((await get('//evil.example/callback')).status, 404);
  assert.equal((await get(good, 'HEAD')).status, 405);
  assert.equal((await get(good, 'POST')).status, 405);
  assert.equal((await get(good, 'GET', { host: `localhost:${redirect.port}` })).status, 403);
  assert.equal((await get(good, 'GET', { host: 'evil.example' })).status, 403);
  const page = await get('/callback?state=%3Cscript%3E');
  assert.doesNotMatch(page.body, /<script/);
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'; style-src 'sha256-/);
  assert.equal(page.headers['referrer-policy'], 'no-referrer');
  assert.ok(!page.body.includes(state));
  assert.equal(identity.state().state, 'signing-in');
  await driveSignIn(url, 'engineer');
  assert.equal((await after(identity)).state, 'signed-in');
});

test('a refusal at the provider is shown with a way out', async (t) => {
  const { identity, url } = await started(t);
  await assert.rejects(driveSignIn(url, 'engineer', { deny: true }), /did not work/);
  const { state, error } = await after(identity);
  assert.equal(state, 'signed-out');
  assert.equal(error?.code, 'denied');
  assert.match(`${error?.message}`, /The sign-in was cancelled/);
  assert.ok(error?.fix);
  await assert.rejects(identity.accessToken(), (error: Failure) => error.code === 'signed-out');
});

test('an answer of another issuer, or of none, is not redeemed (RFC 9207)', async (t) => {
  for (const iss of ['&iss=http%3A%2F%2Fevil.example', '']) {
    const { posts, fetch } = notingFetch();
    const { identity, redirect, state } = await started(t, { posts: fetch });
    const page = await raw(new URL(`${redirect}?code=x&state=${state}${iss}`), 'GET', {});
    assert.equal(page.status, 400);
    assert.equal((await after(identity)).error?.code, 'integrity');
    assert.equal(posts.length, 0);
  }
});

test('a code that was used already is refused and signs nobody in', async (t) => {
  const { posts, fetch } = notingFetch();
  const idp = await startIdp(t);
  const first = await startIdentity(t, idp.issuer, testHost({ fetch }));
  await signIn(first);
  const code = posts[0]?.body.get('code');
  const second = await startIdentity(t, idp.issuer);
  const { url } = await second.signIn('browser');
  const { redirect_uri, state } = Object.fromEntries(new URL(url).searchParams);
  const page = await raw(new URL(`${redirect_uri}?code=${code}&state=${state}&iss=${encodeURIComponent(idp.issuer)}`), 'GET', {});
  assert.equal(page.status, 400);
  assert.equal((await after(second)).state, 'signed-out');
});

test('a code of another sign-in does not fit (PKCE)', async (t) => {
  const idp = await startIdp(t);
  const victim = await startIdentity(t, idp.issuer);
  const { url } = await victim.signIn('browser');
  // The attacker knows the victim's address and asks for a code of their own account with it, under another challenge.
  const forged = new URL(url);
  forged.searchParams.set('code_challenge', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
  await assert.rejects(driveSignIn(forged.href, 'marketer'));
  assert.equal((await after(victim)).state, 'signed-out');
});

test('an ID token with another nonce is refused', async (t) => {
  const { identity, url } = await started(t);
  const changed = new URL(url);
  changed.searchParams.set('nonce', 'another');
  await assert.rejects(driveSignIn(changed.href, 'engineer'));
  const { state, error } = await after(identity);
  assert.equal(state, 'signed-out');
  assert.equal(error?.code, 'integrity');
});

test('an ID token that no key of the provider signed is refused', async (t) => {
  const forging: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (!String(input).endsWith('/token')) return response;
    const answer = (await response.json()) as { id_token: string };
    const [header, claims, signature = ''] = answer.id_token.split('.');
    const other = Buffer.from(signature, 'base64url');
    other[0] = (other[0] ?? 0) ^ 1;
    return Response.json({ ...answer, id_token: `${header}.${claims}.${other.toString('base64url')}` });
  };
  const { identity, url } = await started(t, { posts: forging });
  await assert.rejects(driveSignIn(url, 'engineer'));
  assert.equal((await after(identity)).state, 'signed-out');
});

test('a sign-in can be cancelled, and a new one replaces the old', async (t) => {
  const { identity, redirect, url } = await started(t);
  const { url: second } = await identity.signIn('browser');
  assert.notEqual(second, url);
  await assert.rejects(raw(redirect, 'GET', {}), { code: 'ECONNREFUSED' });
  identity.cancel();
  assert.deepEqual(identity.state(), { state: 'signed-out' });
  const { redirect_uri } = Object.fromEntries(new URL(second).searchParams);
  await assert.rejects(raw(new URL(redirect_uri ?? ''), 'GET', {}), { code: 'ECONNREFUSED' });
  const { url: third } = await identity.signIn('browser');
  await driveSignIn(third, 'finance');
  assert.equal((await after(identity)).person?.sub, 'finance');
  await assert.rejects(identity.signIn('browser'), (error: Failure) => error.code === 'conflict' && /Freja/.test(error.message));
});

test('a sign-in that nobody finishes ends after ten minutes', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { url } = await identity.signIn('browser');
  const { redirect_uri } = Object.fromEntries(new URL(url).searchParams);
  t.mock.timers.tick(599_999);
  assert.equal(identity.state().state, 'signing-in');
  t.mock.timers.tick(1);
  const { state, error } = await after(identity);
  assert.equal(state, 'signed-out');
  assert.equal(error?.code, 'timed-out');
  await assert.rejects(raw(new URL(redirect_uri ?? ''), 'GET', {}), { code: 'ECONNREFUSED' });
});

test('a provider that is down, or no provider at all, is said so', async (t) => {
  const down = await startIdentity(t, 'http://127.0.0.1:1');
  await assert.rejects(down.signIn('browser'), (error: Failure) => error.code === 'unavailable' && /127\.0\.0\.1:1/.test(error.message));
  assert.equal(down.state().state, 'signed-out');
  assert.equal(down.state().error?.code, 'unavailable');
  await assert.rejects(
    startIdentity(t, 'http://login.example.com'),
    (error: unknown) => error instanceof Failure && error.code === 'bad-input',
  );
  await assert.rejects(startIdentity(t, 'file:///etc/passwd'), Failure);
});

test('groups are read from a nested claim', async (t) => {
  const accounts = [
    { sub: 'k', name: 'K', email: 'k@lanternworks.example', title: 'T', groups: [], claims: { realm_access: { roles: ['staff', 'it'] } } },
  ];
  const idp = await startIdp(t, { accounts });
  const identity = await startIdentity(t, idp.issuer, testHost(), { groupsClaim: 'realm_access.roles' });
  await signIn(identity, 'k');
  assert.deepEqual(identity.state().person?.groups, ['staff', 'it']);
});

test('nothing secret is logged or shown', async (t) => {
  const lines: string[] = [];
  const note = (fields: object, message: string) => void lines.push(JSON.stringify(fields) + message);
  const log: Log = { ...silent, debug: note, info: note, warn: note, error: note };
  const idp = await startIdp(t);
  const { posts, fetch } = notingFetch();
  const identity = await startIdentity(t, idp.issuer, testHost({ log, fetch, browser: false }));
  const states: string[] = [];
  identity.watch((state) => states.push(JSON.stringify(state)));
  await signIn(identity);
  await identity.accessToken({ forceRefresh: true });
  await idp.close();
  await assert.rejects(identity.accessToken({ forceRefresh: true }));
  await identity.signOut();
  const secrets = posts.flatMap(secretsOf);
  assert.ok(secrets.length >= 6);
  for (const secret of secrets) for (const line of [...lines, ...states]) assert.ok(!line.includes(secret), line);
});

function secretsOf({ body, answer }: Exchange): string[] {
  const sent = ['code', 'code_verifier', 'refresh_token', 'token'].map((name) => body.get(name));
  const got = ['access_token', 'refresh_token', 'id_token'].map((name) => answer[name]);
  return [...sent, ...got].filter((value): value is string => typeof value === 'string');
}
