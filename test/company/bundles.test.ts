import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type SmallCentral, signingKey, smallBundle, smallCentral } from '../support/central.ts';
import { client, person } from './open.ts';

const bundleRoute = 'GET /v1/bundle';
let central: SmallCentral;
const opened: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  central = await smallCentral();
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await central.close();
});
const open = (options: Parameters<typeof client>[1] = {}) => {
  const one = client(central, options);
  opened.push(one);
  return one;
};
const cacheOf = (dataDir: string) => join(dataDir, 'company', 'bundle.json');
/** As after a restart of the app, with the same data folder. */
async function restart(one: ReturnType<typeof client>, options: Parameters<typeof client>[1] = {}) {
  await one.close();
  return open({ ...options, dataDir: one.dataDir });
}

test('signed out there is no bundle; after start there is, and it rests on disk for the user alone', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  assert.deepEqual(one.bundle(), { state: 'none' });
  await one.start(person);
  assert.equal(one.bundle().state, 'fresh');
  assert.equal(one.bundle().bundle?.version, 3);
  assert.equal(one.contact().state, 'online');
  assert.ok(one.contact().lastContactAt);
  await one.close();
  const file = cacheOf(one.dataDir);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { sub, highestVersion, jws } = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual({ sub, highestVersion, jws }, { sub: 'ann', highestVersion: 3, jws: central.jws });
  assert.deepEqual(
    readdirSync(join(one.dataDir, 'company')).filter((name) => name.endsWith('.new')),
    [],
  );
});

test('an unchanged bundle costs a 304; a gzip one is read; a new one replaces it', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  await one.refresh();
  const asked = central.seen.filter(({ route }) => route === bundleRoute);
  assert.equal(asked[0]?.headers['if-none-match'], undefined);
  assert.equal(asked.at(-1)?.headers['if-none-match'], central.etag);
  assert.equal(asked.at(-1)?.status, 304);
  await central.publish(smallBundle(4));
  central.answers.set(bundleRoute, (_, response) =>
    response.writeHead(200, { etag: '"z"', 'content-encoding': 'gzip' }).end(gzipSync(central.jws!)),
  );
  assert.equal((await one.refresh()).bundle?.version, 4);
});

test('a receipt follows each new version, signed by the device, and is not repeated after a restart', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  await central.asked('POST /v1/receipts', 1);
  const body = JSON.parse(central.seen.find(({ route }) => route === 'POST /v1/receipts')!.body);
  const { compactVerify, EmbeddedJWK, calculateJwkThumbprint } = await import('jose');
  const { payload, protectedHeader } = await compactVerify(body.jws, EmbeddedJWK);
  assert.deepEqual(JSON.parse(Buffer.from(payload).toString()), {
    device: body.device,
    version: 3,
    at: body.at,
    audience: `${central.url}/v1/receipts`,
    person: person.sub,
  });
  assert.equal(await calculateJwkThumbprint(protectedHeader.jwk!), body.device);
  const two = await restart(one);
  await two.start(person);
  await two.refresh();
  await two.close();
  assert.equal(central.count('POST /v1/receipts'), 1);
});

test('a central API that cannot say where the chain ends is unavailable, never one that has nothing', async () => {
  await central.publish(smallBundle(1));
  const one = open();
  await one.start(person);
  const { signal } = new AbortController();
  for (const [status, body] of [
    [404, '{}'],
    [403, '{}'],
    [405, '{}'],
    [500, ''],
    [200, '{}'],
    [200, 'rubbish'],
    [204, ''],
  ] as const) {
    central.answers.set('GET /v1/ledger', (_, response) => response.writeHead(status).end(body));
    await assert.rejects(one.ledgerHead(signal), { code: 'unavailable' }, `${status} ${body}`);
  }
  central.answers.set('GET /v1/ledger', (_, response) => response.end('{"head":null}'));
  assert.equal(await one.ledgerHead(signal), undefined);
});

test('the stored bundle is there at once while the central API is down, and is verified again', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  central.answers.set(bundleRoute, (_, response) => response.writeHead(503).end());
  const two = await restart(one);
  await two.start(person);
  assert.equal(two.bundle().bundle?.version, 3);
  await two.refresh();
  assert.equal(two.bundle().state, 'fresh');
  assert.equal(two.contact().state, 'offline');
  assert.equal(two.contact().error?.code, 'unavailable');

  await two.close();
  const cache = JSON.parse(readFileSync(cacheOf(one.dataDir), 'utf8'));
  const [header, payload, signature] = cache.jws.split('.');
  const forged = Buffer.from(payload, 'base64url').toString().replace('"staff"', '"chief"');
  writeFileSync(
    cacheOf(one.dataDir),
    JSON.stringify({ ...cache, jws: `${header}.${Buffer.from(forged).toString('base64url')}.${signature}` }),
  );
  const three = await restart(two);
  await three.start(person);
  assert.equal(three.bundle().state, 'refused');
  assert.equal(three.bundle().bundle, undefined);
  assert.match(three.bundle().error!.message, /signature/);
  assert.ok(existsSync(`${cacheOf(one.dataDir)}.refused`));
});

test('a stored bundle that is stale or expired does not answer the start: the first fetch does, whatever it brings', async () => {
  await central.publish(smallBundle(3));
  const first = open();
  await first.start(person);
  for (const [tier, ahead] of [
    ['stale', 3_600_001],
    ['expired', 7_200_001],
  ] as const) {
    const one = await restart(first);
    one.clock.ahead = ahead;
    const order: string[] = [];
    central.answers.set(bundleRoute, (_, response) => {
      order.push(`asked while ${one.bundle().state}`);
      setTimeout(() => {
        order.push('answered');
        response.writeHead(503).end();
      }, 50);
    });
    await one.start(person);
    order.push(`started ${one.bundle().state}`);
    assert.deepEqual(order, [`asked while ${tier}`, 'answered', `started ${tier}`]);
    await one.close();
  }
});

test('down from the start: a state with words, and all is well when it comes', async () => {
  const { port, key } = central;
  await central.close();
  const one = open({ timing: { retryMs: 10, retryMaxMs: 20 } });
  await one.start(person);
  assert.deepEqual(one.bundle(), { state: 'none' });
  assert.equal(one.contact().state, 'offline');
  assert.match(one.contact().error!.message, /cannot be reached/);
  central = await smallCentral({ port, key });
  await central.publish(smallBundle(1));
  await one.until(() => one.bundle().state === 'fresh');
  assert.equal(one.contact().state, 'online');
  assert.equal(one.contact().error, undefined);
});

test('a bad signature or an older version never replaces the last good bundle, and is shown until a good one comes', async () => {
  await central.publish(smallBundle(5));
  const one = open();
  await one.start(person);
  await central.publish(smallBundle(4));
  const older = await one.refresh();
  assert.equal(older.bundle?.version, 5);
  assert.equal(older.state, 'fresh');
  assert.match(older.error!.message, /older than version 5/);
  assert.equal(one.contact().state, 'online');
  central.jws = await (await signingKey('k1')).sign(smallBundle(9));
  central.etag = '"forged"';
  assert.match((await one.refresh()).error!.message, /signature/);
  await central.publish(smallBundle(6));
  const good = await one.refresh();
  assert.equal(good.bundle?.version, 6);
  assert.equal(good.error, undefined);
});

test('a first bundle that is refused leaves none to use', async () => {
  central.jws = await (await signingKey('k9')).sign(smallBundle(1));
  central.etag = '"x"';
  const one = open();
  await one.start(person);
  assert.equal(one.bundle().state, 'refused');
  assert.equal(one.bundle().error?.code, 'integrity');
});

test('deleting the stored bundle, or putting an old one back, does not let an older version in', async () => {
  await central.publish(smallBundle(2));
  const one = open();
  await one.start(person);
  await one.close();
  const old = readFileSync(cacheOf(one.dataDir));
  await central.publish(smallBundle(7));
  const two = await restart(one);
  await two.start(person);
  await two.until(() => two.bundle().bundle?.version === 7);
  await two.close();

  writeFileSync(cacheOf(one.dataDir), old);
  central.jws = undefined;
  const three = await restart(two);
  await three.start(person);
  assert.equal(three.bundle().state, 'refused');
  await three.close();
  rmSync(cacheOf(one.dataDir), { force: true });
  await central.publish(smallBundle(6));
  const four = await restart(three);
  await four.start(person);
  assert.equal(four.bundle().state, 'refused');
  assert.match(four.bundle().error!.message, /older than version 7/);
});

test("another person's stored bundle is ignored and removed", async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  central.jws = undefined;
  const two = await restart(one);
  await two.start({ ...person, sub: 'bob' });
  assert.deepEqual(two.bundle(), { state: 'none' });
  await two.close();
  assert.equal(existsSync(cacheOf(one.dataDir)), false);
});

test('a change of person while running takes nothing along', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  central.jws = undefined;
  const started = one.start({ ...person, sub: 'bob' });
  assert.equal(one.bundle().bundle, undefined);
  await started;
  assert.deepEqual(one.bundle(), { state: 'none' });
});

test('a damaged stored bundle or damaged marks are kept aside and reported, and do not stop the start', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  await one.close();
  writeFileSync(cacheOf(one.dataDir), '{"format":1,');
  writeFileSync(join(one.dataDir, 'company', 'versions.json'), 'rubbish');
  central.answers.set(bundleRoute, (_, response) => response.writeHead(503).end());
  const two = await restart(one);
  await two.start(person);
  assert.equal(two.bundle().state, 'none');
  assert.match(two.bundle().error!.message, /damaged/);
  central.answers.clear();
  await two.refresh();
  assert.equal(two.bundle().state, 'fresh');
  assert.equal(two.bundle().error, undefined);
  await two.close();
  const left = readdirSync(join(one.dataDir, 'company'));
  assert.ok(left.includes('bundle.json.damaged') && left.includes('versions.json.damaged'), left.join());
});

test('sign-out forgets the bundle, in memory at once and on disk; leaving without it does not', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  one.stop({ forget: false });
  assert.deepEqual(one.bundle(), { state: 'none' });
  await one.start(person);
  assert.equal(one.bundle().state, 'fresh');
  one.stop({ forget: true });
  assert.deepEqual(one.bundle(), { state: 'none' });
  assert.deepEqual(await one.refresh(), { state: 'none' });
  await one.close();
  assert.equal(existsSync(cacheOf(one.dataDir)), false);
});

test('freshness passes from fresh to stale to expired by the clock, and each step is told', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  central.jws = undefined;
  one.clock.ahead = 3_600_001;
  assert.equal(one.bundle().state, 'stale', 'at once, without waiting for a timer');
  const told: string[] = [];
  one.watch(() => told.push(one.bundle().state));
  await one.until(() => told.includes('stale'));
  one.clock.ahead = 7_200_001;
  await one.until(() => told.includes('expired'));
  assert.equal(one.bundle().bundle?.version, 3);
});

test('after a sleep of the machine it fetches and connects anew', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  await central.asked('GET /v1/events', 1);
  await central.publish(smallBundle(4));
  one.wake();
  await one.until(() => one.bundle().bundle?.version === 4);
  await central.asked('GET /v1/events', 2);
});

test('a 401 is answered once with a fresh token; a second one is said', async () => {
  await central.publish(smallBundle(3));
  central.tokens = new Set(['t2']);
  const forced: boolean[] = [];
  const one = open({
    token: (force) => {
      forced.push(force);
      return force ? 't2' : 't1';
    },
  });
  await one.start(person);
  assert.equal(one.bundle().state, 'fresh');
  assert.ok(forced.includes(true));
  await central.asked('GET /v1/events', 2);
  await one.refresh();
  await one.refresh();
  central.tokens = new Set();
  const before = central.count(bundleRoute);
  await one.refresh();
  assert.equal(central.count(bundleRoute), before + 2);
  assert.equal(one.contact().error?.code, 'signed-out');
  assert.equal(one.bundle().state, 'fresh');
});

test('concurrent refreshes are one fetch', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await one.start(person);
  await central.asked('GET /v1/events', 1);
  await one.refresh();
  const before = central.count(bundleRoute);
  await Promise.all([one.refresh(), one.refresh(), one.refresh()]);
  assert.equal(central.count(bundleRoute), before + 1);
});

test('an answer that hangs, before or within the body, is cut; an oversized one is not kept', async () => {
  const one = open({ timing: { requestMs: 50 } });
  central.answers.set(bundleRoute, () => {});
  await one.start(person);
  assert.equal(one.contact().error?.code, 'timed-out');
  central.answers.set(bundleRoute, (_, response) => response.writeHead(200).write('eyJ'));
  await one.refresh();
  assert.equal(one.contact().error?.code, 'timed-out');
  await one.close();

  const two = open({ timing: { requestMs: 60_000 } });
  const piece = Buffer.alloc(1024 * 1024, 'a');
  central.answers.set(bundleRoute, (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.concat(Array(33).fill(piece))));
  });
  await two.start(person);
  assert.match(two.contact().error?.message ?? two.bundle().error?.message ?? '', /more than/);
  assert.equal(two.bundle().bundle, undefined);
});

test('a replaced signing key is looked up in the bootstrap document', async () => {
  await central.publish(smallBundle(3));
  const next = await signingKey('k2');
  const one = open({
    renewBootstrap: async () => {
      central.keys = [central.key.jwk, next.jwk];
      return central.bootstrap();
    },
  });
  await one.start(person);
  central.jws = await next.sign(smallBundle(4));
  central.etag = '"k2"';
  const { bundle, error } = await one.refresh();
  assert.equal(error, undefined);
  assert.equal(bundle?.version, 4);
});

test('requests go up for the person, and nothing does while nobody is signed in', async () => {
  await central.publish(smallBundle(3));
  const one = open();
  await assert.rejects(one.postRequest({ server: 'crm', reason: 'I work there' }), { code: 'signed-out' });
  await assert.rejects(one.postLedger('[]', 'c'), { code: 'signed-out' });
  await one.start(person);
  assert.deepEqual(await one.postRequest({ server: 'crm', reason: 'I work there' }), { id: 'r-1' });
  assert.deepEqual(JSON.parse(central.seen.at(-1)!.body), { kind: 'access', server: 'crm', reason: 'I work there' });
  central.answers.set('POST /v1/requests', (_, response) => response.writeHead(409).end('{"message":"You have 100 open requests."}'));
  await assert.rejects(one.postRequest({ server: 'crm', reason: 'x' }), { code: 'conflict', message: /100 open requests/ });
  central.answers.set('POST /v1/requests', () => one.stop({ forget: false }));
  await assert.rejects(one.postRequest({ server: 'crm', reason: 'x' }), { code: 'signed-out' });
});

test('a token is never sent on a redirect', async () => {
  const thief = await smallCentral();
  central.answers.set(bundleRoute, (_, response) => response.writeHead(307, { location: `${thief.url}/v1/bundle` }).end());
  const one = open();
  await one.start(person);
  assert.equal(one.contact().state, 'offline');
  assert.equal(thief.seen.length, 0);
  await thief.close();
});
