import assert from 'node:assert/strict';
import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { Failure } from '../../src/base/errors.ts';
import { accounts } from '../../src/demo/accounts.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { openIdp } from '../../src/demo/idp.ts';
import { memoryVault, testHost } from '../support/host.ts';
import { resource, signIn, startIdentity, startIdp, until } from '../support/sign-in.ts';

const dataDir = () => mkdtempSync(join(tmpdir(), 'gatehouse-idp-'));
const failure = (code: string, text?: RegExp) => (error: unknown) =>
  error instanceof Failure && error.code === code && (text === undefined || text.test(`${error.message} ${error.fix}`));

test('each account gets an access token for the central API with its groups', async (t) => {
  const idp = await startIdp(t);
  const keys = createRemoteJWKSet(new URL(`${idp.issuer}/jwks`));
  for (const account of accounts) {
    const identity = await startIdentity(t, idp.issuer);
    await signIn(identity, account.sub);
    const { payload, protectedHeader } = await jwtVerify(await identity.accessToken(), keys, {
      issuer: idp.issuer,
      audience: resource,
      algorithms: ['ES256'],
      typ: 'at+jwt',
    });
    assert.equal(payload.sub, account.sub);
    assert.deepEqual(payload['groups'], account.groups);
    assert.ok(protectedHeader.kid);
    assert.match(account.email, /@lanternworks\.example$/);
  }
});

test('keys and refresh tokens survive a restart', async (t) => {
  const folder = dataDir();
  const first = await openIdp({ port: 0, dataDir: folder, resources: [resource] });
  const host = testHost({ vault: memoryVault() });
  const identity = await startIdentity(t, first.issuer, host);
  await signIn(identity);
  const before = await identity.accessToken();
  await first.close();
  const second = await startIdp(t, { port: Number(new URL(first.issuer).port), dataDir: folder });
  const keys = createRemoteJWKSet(new URL(`${second.issuer}/jwks`));
  await jwtVerify(before, keys, { audience: resource });
  const after = await identity.accessToken({ forceRefresh: true });
  await jwtVerify(after, keys, { audience: resource });
  assert.notEqual(after, before);
  if (process.platform !== 'win32') assert.equal(statSync(join(folder, 'idp-keys.json')).mode & 0o777, 0o600);
});

test('a new key signs after rotation and the old one stays published, unless forgotten', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  await signIn(identity);
  const before = await identity.accessToken();
  idp.rotateKeys();
  const after = await identity.accessToken({ forceRefresh: true });
  const kid = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
  assert.notEqual(kid(after), kid(before));
  const both = createRemoteJWKSet(new URL(`${idp.issuer}/jwks`));
  await jwtVerify(before, both);
  await jwtVerify(after, both);
  idp.rotateKeys({ forget: true });
  await assert.rejects(jwtVerify(before, createRemoteJWKSet(new URL(`${idp.issuer}/jwks`))));
  // A person who signs in after the rotation is checked against the new key.
  await identity.signOut();
  await signIn(identity, 'finance');
});

test('a resource that is not the central API is refused', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer, testHost(), { resource: 'http://127.0.0.1:1/' });
  const { url } = await identity.signIn('browser');
  await assert.rejects(driveSignIn(url, 'engineer'));
  const { error } = await until(identity, ({ state }) => state === 'signed-out');
  assert.match(`${error?.message}`, /invalid_target/);
  assert.match(`${error?.fix}`, /IT/);
});

test('the pages need no script, load nothing and cannot be framed', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  const { url } = await identity.signIn('browser');
  const start = await fetch(url, { redirect: 'manual' });
  const cookie = start.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ');
  const page = await fetch(new URL(start.headers.get('location') ?? '', url), { headers: { cookie } });
  const html = await page.text();
  assert.equal(page.status, 200);
  for (const { name, title } of accounts) assert.ok(html.includes(name) && html.includes(title));
  for (const where of [html, await (await fetch(`${idp.issuer}/`)).text()]) assert.doesNotMatch(where, /<script|src=|href=|@import|https:/);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
  const stale = await fetch(`${idp.issuer}/interaction/unknown`);
  assert.equal(stale.status, 400);
});

test('a foreign Host is refused', async (t) => {
  const idp = await startIdp(t);
  const { port } = new URL(idp.issuer);
  const response = await fetch(`http://localhost:${port}/.well-known/openid-configuration`);
  assert.equal(response.status, 403);
});

test('a taken port is a clear error', async (t) => {
  const idp = await startIdp(t);
  const port = Number(new URL(idp.issuer).port);
  await assert.rejects(openIdp({ port, dataDir: dataDir(), resources: [] }), failure('conflict', new RegExp(String(port))));
});

test('it opens without a word on the console', async (t) => {
  const said: unknown[] = [];
  for (const method of ['warn', 'info', 'log', 'error'] as const) t.mock.method(console, method, (...words: unknown[]) => said.push(words));
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  await signIn(identity);
  const { url, userCode } = await (await startIdentity(t, idp.issuer)).signIn('device');
  await driveSignIn(`${url}?user_code=${userCode}`, 'admin');
  await fetch((await identity.signOut()).logoutUrl ?? '');
  assert.deepEqual(said, []);
});

test('driveSignIn says which accounts there are, and goes to loopback only', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  const { url } = await identity.signIn('browser');
  await assert.rejects(driveSignIn(url, 'ceo'), failure('not-found', /engineer, marketer, finance, admin/));
  await assert.rejects(driveSignIn('https://login.example.com/auth', 'engineer'), failure('bad-input'));
  await assert.rejects(driveSignIn('http://127.0.0.1:1/auth', 'engineer'), failure('unavailable'));
});

test('signing out at the provider ends the browser session', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  await signIn(identity);
  const { logoutUrl } = await identity.signOut();
  const response = await fetch(logoutUrl ?? '');
  assert.equal(response.status, 200);
  assert.equal(new URL(logoutUrl ?? '').searchParams.get('client_id'), 'gatehouse-desktop');
});
