import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failure } from '../../src/base/errors.ts';
import { lead, retryMs } from '../../src/base/lifetime.ts';
import { openIdp } from '../../src/demo/idp.ts';
import { memoryVault, testHost } from '../support/host.ts';
import { notingFetch, refreshes, resource, signIn, startIdentity, startIdp, until } from '../support/sign-in.ts';

const code = (expected: string) => (error: Failure) => error.code === expected;
const minute = 60_000;

function clock() {
  let ahead = 0;
  return { now: () => Date.now() + ahead, forward: (ms: number) => (ahead += ms) };
}

test('a token is kept until shortly before its end, then refreshed once for all who ask', async (t) => {
  const idp = await startIdp(t, { accessTokenTtl: 600 });
  const { fetch, posts } = notingFetch();
  const { now, forward } = clock();
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch, now }));
  await signIn(identity);
  const first = await identity.accessToken();
  forward(7 * minute);
  assert.equal(await identity.accessToken(), first);
  assert.equal(refreshes(posts).length, 0);
  // Asleep past the end: nobody gets the old one.
  forward(10 * minute);
  const tokens = await Promise.all(Array.from({ length: 20 }, () => identity.accessToken()));
  assert.equal(new Set(tokens).size, 1);
  assert.notEqual(tokens[0], first);
  assert.equal(refreshes(posts).length, 1);
  assert.equal(refreshes(posts)[0]?.body.get('resource'), resource);
});

test('within the last fifth the present token is given at once while a new one is fetched', async (t) => {
  const idp = await startIdp(t, { accessTokenTtl: 600 });
  let hold = Promise.resolve();
  let held = 0;
  const { fetch, posts } = notingFetch(async (path) => {
    if (path === '/token') {
      held++;
      await hold;
    }
  });
  const { now, forward } = clock();
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch, now }));
  await signIn(identity);
  const first = await identity.accessToken();
  const { promise, resolve } = Promise.withResolvers<void>();
  hold = promise;
  forward(9 * minute);
  assert.deepEqual(await Promise.all([identity.accessToken(), identity.accessToken()]), [first, first]);
  resolve();
  const second = await identity.accessToken({ forceRefresh: true });
  assert.notEqual(second, first);
  assert.equal(held, 2);
  assert.equal(refreshes(posts).length, 1);
});

test('refresh happens by itself before a short-lived token ends', async (t) => {
  const idp = await startIdp(t, { accessTokenTtl: 2 });
  const { promise, resolve } = Promise.withResolvers<void>();
  let grants = 0;
  const identity = await startIdentity(
    t,
    idp.issuer,
    testHost({ fetch: notingFetch((path) => void (path === '/token' && ++grants === 2 && resolve())).fetch }),
  );
  await signIn(identity);
  await promise;
});

test('refresh tokens rotate, the newest rests in the vault, and a replayed one ends the session', async (t) => {
  const idp = await startIdp(t);
  const { fetch, posts } = notingFetch();
  const host = testHost({ fetch });
  const identity = await startIdentity(t, idp.issuer, host);
  await signIn(identity);
  const [name = ''] = host.vault.content.keys();
  const stolen = new Map(host.vault.content);
  await identity.accessToken({ forceRefresh: true });
  await identity.accessToken({ forceRefresh: true });
  const sent = refreshes(posts).map(({ body }) => body.get('refresh_token'));
  assert.equal(new Set(sent).size, 2);
  assert.equal(JSON.parse(host.vault.content.get(name) ?? '').refreshToken, posts.at(-1)?.answer['refresh_token']);

  const thief = await startIdentity(t, idp.issuer, testHost({ vault: memoryVault(stolen) }));
  assert.equal((await until(thief, ({ state }) => state !== 'starting')).state, 'expired');
  await assert.rejects(identity.accessToken({ forceRefresh: true }), code('signed-out'));
  const state = identity.state();
  assert.equal(state.state, 'expired');
  assert.equal(state.person?.sub, 'engineer');
  assert.equal(state.error?.code, 'signed-out');
  assert.equal(JSON.parse(host.vault.content.get(name) ?? '').refreshToken, undefined);
  await assert.rejects(identity.accessToken(), code('signed-out'));
  // The way out.
  await signIn(identity);
  assert.ok(await identity.accessToken());
});

test('a provider that is down costs nothing while the token lasts, then `unavailable`, then it works again', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-idp-'));
  const first = await openIdp({ port: 0, dataDir, resources: [resource], accessTokenTtl: 600 });
  const { now, forward } = clock();
  const identity = await startIdentity(t, first.issuer, testHost({ now }));
  await signIn(identity);
  const token = await identity.accessToken();
  await first.close();
  await assert.rejects(identity.accessToken({ forceRefresh: true }), code('unavailable'));
  assert.equal(await identity.accessToken(), token);
  assert.equal(identity.state().state, 'signed-in');
  assert.equal(identity.state().error?.code, 'unavailable');
  assert.ok(identity.state().error?.fix);
  forward(11 * minute);
  await assert.rejects(identity.accessToken(), code('unavailable'));
  await startIdp(t, { port: Number(new URL(first.issuer).port), dataDir });
  forward(minute);
  assert.notEqual(await identity.accessToken(), token);
  assert.deepEqual(identity.state().error, undefined);
});

test('many callers of a dead provider make one request a second at most', async (t) => {
  const idp = await startIdp(t);
  let tries = 0;
  const { now, forward } = clock();
  const fixed = now();
  let ahead = 0;
  let down = false;
  const { fetch } = notingFetch((path) => {
    if (down && path === '/token') {
      tries++;
      throw new TypeError('fetch failed');
    }
  });
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch, now: () => fixed + ahead }));
  await signIn(identity);
  down = true;
  ahead = 60 * minute;
  forward(0);
  for (let round = 0; round < 10; round++) await assert.rejects(identity.accessToken(), code('unavailable'));
  assert.equal(tries, 1);
});

test('a server error or a captive portal does not end the session', async (t) => {
  const idp = await startIdp(t);
  let instead: (() => Response) | undefined;
  const faulty: typeof fetch = async (input, init) => (init?.method === 'POST' && instead ? instead() : fetch(input, init));
  const { now, forward } = clock();
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch: faulty, now }));
  await signIn(identity);
  const answers = [
    () => new Response('<h1>Welcome to the hotel</h1>', { headers: { 'content-type': 'text/html' } }),
    () => new Response('oops', { status: 502 }),
    () => Response.json({ error: 'temporarily_unavailable' }, { status: 503 }),
    () => Response.json({ error: 'slow_down' }, { status: 429 }),
    () => Response.redirect('https://login.example.com/'),
  ];
  for (instead of answers) {
    forward(2_000);
    await assert.rejects(identity.accessToken({ forceRefresh: true }), code('unavailable'));
    assert.equal(identity.state().state, 'signed-in');
  }
  instead = () => Response.json({ error: 'invalid_client', error_description: 'unknown\nclient' }, { status: 400 });
  forward(2_000);
  await assert.rejects(identity.accessToken({ forceRefresh: true }), code('unavailable'));
  assert.match(identity.state().error?.message ?? '', /invalid_client: unknown client/);
  instead = undefined;
  forward(2_000);
  assert.ok(await identity.accessToken({ forceRefresh: true }));
});

test('a refresh that answers for another person is refused', async (t) => {
  const idp = await startIdp(t);
  const other = await startIdentity(t, idp.issuer);
  let answer: Record<string, unknown> | undefined;
  const swapping: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (answer === undefined || init?.method !== 'POST') return response;
    return Response.json({ ...((await response.json()) as object), ...answer });
  };
  const { fetch: noting, posts } = notingFetch();
  const stranger = await startIdentity(t, idp.issuer, testHost({ fetch: noting }));
  await signIn(stranger, 'marketer');
  const identity = await startIdentity(t, idp.issuer, testHost({ fetch: swapping }));
  await signIn(identity);
  answer = { id_token: posts[0]?.answer['id_token'] };
  await assert.rejects(identity.accessToken({ forceRefresh: true }), code('unavailable'));
  assert.equal(identity.state().person?.sub, 'engineer');
  assert.equal(identity.state().error?.code, 'integrity');
  assert.equal(other.state().state, 'signed-out');
});

test('lead and back-off', () => {
  assert.equal(lead(600_000), 120_000);
  assert.equal(lead(100_000), 30_000);
  assert.equal(lead(2_000), 1_000);
  assert.equal(retryMs(0, 0), 2_000);
  assert.equal(retryMs(1, 1), 6_000);
  assert.equal(retryMs(99, 0), 300_000);
});
