import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseBodyError } from 'openid-client';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { nextInterval } from '../../src/identity/device-flow.ts';
import { testHost } from '../support/host.ts';
import { notingFetch, startIdentity, startIdp, until } from '../support/sign-in.ts';

const settled = (identity: Parameters<typeof until>[0]) => until(identity, ({ state }) => state !== 'signing-in');

test('a person signs in on another device with a code', async (t) => {
  const idp = await startIdp(t);
  const { fetch, posts } = notingFetch();
  const host = testHost({ fetch });
  const identity = await startIdentity(t, idp.issuer, host);
  const { url, userCode } = await identity.signIn('device');
  assert.equal(url, `${idp.issuer}/device`);
  assert.match(userCode ?? '', /^[A-Z]{4}-[A-Z]{4}$/);
  assert.deepEqual({ ...identity.state().prompt, expiresAt: '' }, { method: 'device', url, userCode, expiresAt: '' });
  assert.deepEqual(host.opened, []);
  await driveSignIn(`${url}?user_code=${userCode}`, 'marketer');
  const { state, person, error } = await settled(identity);
  assert.equal(state, 'signed-in', JSON.stringify(error));
  assert.equal(person?.name, 'Malik Osei');
  const token = await identity.accessToken();
  assert.notEqual(await identity.accessToken({ forceRefresh: true }), token);
  assert.equal(posts[0]?.path, '/device/auth');
});

test('a person says no', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  const { url, userCode } = await identity.signIn('device');
  await driveSignIn(`${url}?user_code=${userCode}`, 'marketer', { deny: true });
  const { state, error } = await settled(identity);
  assert.equal(state, 'signed-out');
  assert.equal(error?.code, 'denied');
});

test('the code is too old', async (t) => {
  const idp = await startIdp(t, { deviceCodeTtl: 1 });
  const identity = await startIdentity(t, idp.issuer);
  await identity.signIn('device');
  const { state, error } = await settled(identity);
  assert.equal(state, 'signed-out');
  assert.equal(error?.code, 'timed-out');
  assert.match(error?.fix ?? '', /new code/);
});

test('a cancel stops the polling', async (t) => {
  const idp = await startIdp(t);
  const polled = Promise.withResolvers<void>();
  const { fetch } = notingFetch((path) => void (path === '/token' && polled.resolve()));
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch }));
  const { url, userCode } = await identity.signIn('device');
  await polled.promise;
  identity.cancel();
  assert.deepEqual(identity.state(), { state: 'signed-out' });
  await driveSignIn(`${url}?user_code=${userCode}`, 'marketer');
  assert.deepEqual(identity.state(), { state: 'signed-out' });
});

test('a failed poll and a lost connection do not end the flow', async (t) => {
  const idp = await startIdp(t);
  const troubles = [
    () => Response.json({ error: 'authorization_pending' }, { status: 400 }),
    () => new Response('bad gateway', { status: 502 }),
    () => {
      throw new TypeError('fetch failed');
    },
  ];
  const bumpy: typeof fetch = async (input, init) => {
    const trouble = String(input).endsWith('/token') ? troubles.shift() : undefined;
    return trouble === undefined ? fetch(input, init) : trouble();
  };
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch: bumpy }));
  const { url, userCode } = await identity.signIn('device');
  await driveSignIn(`${url}?user_code=${userCode}`, 'admin');
  assert.equal((await settled(identity)).person?.sub, 'admin');
  assert.equal(troubles.length, 0);
});

test('how long to wait before the next poll', () => {
  const answer = (error: string, status = 400) => new ResponseBodyError('', { cause: { error }, response: Response.json({}, { status }) });
  assert.equal(nextInterval(answer('authorization_pending'), 2_000), 2_000);
  assert.equal(nextInterval(answer('slow_down'), 2_000), 7_000);
  assert.equal(nextInterval(new TypeError('fetch failed'), 2_000), 4_000);
  assert.equal(nextInterval(answer('server_error', 500), 40_000), 60_000);
  for (const end of ['access_denied', 'expired_token', 'invalid_grant', 'invalid_client'])
    assert.equal(nextInterval(answer(end), 2_000), undefined);
});
