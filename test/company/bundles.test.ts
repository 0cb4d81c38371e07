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
  for (const company of opened.splice(0)) await company.close();
  await central.close();
});
const open = (options: Parameters<typeof client>[1] = {}) => {
  const company = client(central, options);
  opened.push(company);
  return company;
};
const cacheOf = (dataDir: string) => join(dataDir, 'company', 'bundle.json');
/** As after a restart of the app, with the same data folder. */
async function restart(company: ReturnType<typeof client>, options: Parameters<typeof client>[1] = {}) {
  await company.close();
  return open({ ...options, dataDir: company.dataDir });
}

test('signed out there is no bundle; after start there is, and it rests on disk for the user alone', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  assert.deepEqual(company.bundle(), { state: 'none' });
  await company.start(person);
  assert.equal(company.bundle().state, 'fresh');
  assert.equal(company.bundle().bundle?.version, 3);
  assert.equal(company.contact().state, 'online');
  assert.ok(company.contact().lastContactAt);
  await company.close();
  const file = cacheOf(company.dataDir);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { sub, highestVersion, jws } = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual({ sub, highestVersion, jws }, { sub: 'ann', highestVersion: 3, jws: central.jws });
  assert.deepEqual(
    readdirSync(join(company.dataDir, 'company')).filter((name) => name.endsWith('.new')),
    [],
  );
});

test('an unchanged bundle costs a 304; a gzip one is read; a new one replaces it', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  await company.refresh();
  const asked = central.seen.filter(({ route }) => route === bundleRoute);
  assert.equal(asked[0]?.headers['if-none-match'], undefined);
  assert.equal(asked.at(-1)?.headers['if-none-match'], central.etag);
  assert.equal(asked.at(-1)?.status, 304);
  await central.publish(smallBundle(4));
  central.answers.set(bundleRoute, (_, response) =>
    response.writeHead(200, { etag: '"z"', 'content-encoding': 'gzip' }).end(gzipSync(central.jws!)),
  );
  assert.equal((await company.refresh()).bundle?.version, 4);
});

test('a receipt follows each new version, signed by the device, and is not repeated after a restart', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
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
  const restarted = await restart(company);
  await restarted.start(person);
  await restarted.refresh();
  await restarted.close();
  assert.equal(central.count('POST /v1/receipts'), 1);
});

test('a central API that cannot say where the chain ends is unavailable, never one that has nothing', async () => {
  await central.publish(smallBundle(1));
  const company = open();
  await company.start(person);
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
    await assert.rejects(company.ledgerHead(signal), { code: 'unavailable' }, `${status} ${body}`);
  }
  central.answers.set('GET /v1/ledger', (_, response) => response.end('{"head":null}'));
  assert.equal(await company.ledgerHead(signal), undefined);
});

test('the stored bundle is there at once while the central API is down, and is verified again', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  central.answers.set(bundleRoute, (_, response) => response.writeHead(503).end());
  const restarted = await restart(company);
  await restarted.start(person);
  assert.equal(restarted.bundle().bundle?.version, 3);
  await restarted.refresh();
  assert.equal(restarted.bundle().state, 'fresh');
  assert.equal(restarted.contact().state, 'offline');
  assert.equal(restarted.contact().error?.code, 'unavailable');

  await restarted.close();
  const cache = JSON.parse(readFileSync(cacheOf(company.dataDir), 'utf8'));
  const [header, payload, signature] = cache.jws.split('.');
  const forged = Buffer.from(payload, 'base64url').toString().replace('"staff"', '"chief"');
  writeFileSync(
    cacheOf(company.dataDir),
    JSON.stringify({ ...cache, jws: `${header}.${Buffer.from(forged).toString('base64url')}.${signature}` }),
  );
  const afterForgery = await restart(restarted);
  await afterForgery.start(person);
  assert.equal(afterForgery.bundle().state, 'refused');
  assert.equal(afterForgery.bundle().bundle, undefined);
  assert.match(afterForgery.bundle().error!.message, /signature/);
  assert.ok(existsSync(`${cacheOf(company.dataDir)}.refused`));
});

test('a stored bundle that is stale or expired does not answer the start: the first fetch does, whatever it brings', async () => {
  await central.publish(smallBundle(3));
  const first = open();
  await first.start(person);
  for (const [tier, ahead] of [
    ['stale', 3_600_001],
    ['expired', 7_200_001],
  ] as const) {
    const company = await restart(first);
    company.clock.ahead = ahead;
    const order: string[] = [];
    central.answers.set(bundleRoute, (_, response) => {
      order.push(`asked while ${company.bundle().state}`);
      setTimeout(() => {
        order.push('answered');
        response.writeHead(503).end();
      }, 50);
    });
    await company.start(person);
    order.push(`started ${company.bundle().state}`);
    assert.deepEqual(order, [`asked while ${tier}`, 'answered', `started ${tier}`]);
    await company.close();
  }
});

test('down from the start: a state with words, and all is well when it comes', async () => {
  const { port, key } = central;
  await central.close();
  const company = open({ timing: { retryMs: 10, retryMaxMs: 20 } });
  await company.start(person);
  assert.deepEqual(company.bundle(), { state: 'none' });
  assert.equal(company.contact().state, 'offline');
  assert.match(company.contact().error!.message, /cannot be reached/);
  central = await smallCentral({ port, key });
  await central.publish(smallBundle(1));
  await company.until(() => company.bundle().state === 'fresh');
  assert.equal(company.contact().state, 'online');
  assert.equal(company.contact().error, undefined);
});

test('a bad signature or an older version never replaces the last good bundle, and is shown until a good one comes', async () => {
  await central.publish(smallBundle(5));
  const company = open();
  await company.start(person);
  await central.publish(smallBundle(4));
  const older = await company.refresh();
  assert.equal(older.bundle?.version, 5);
  assert.equal(older.state, 'fresh');
  assert.match(older.error!.message, /older than version 5/);
  assert.equal(company.contact().state, 'online');
  central.jws = await (await signingKey('k1')).sign(smallBundle(9));
  central.etag = '"forged"';
  assert.match((await company.refresh()).error!.message, /signature/);
  await central.publish(smallBundle(6));
  const good = await company.refresh();
  assert.equal(good.bundle?.version, 6);
  assert.equal(good.error, undefined);
});

test('a first bundle that is refused leaves none to use', async () => {
  central.jws = await (await signingKey('k9')).sign(smallBundle(1));
  central.etag = '"x"';
  const company = open();
  await company.start(person);
  assert.equal(company.bundle().state, 'refused');
  assert.equal(company.bundle().error?.code, 'integrity');
});

test('deleting the stored bundle, or putting an old one back, does not let an older version in', async () => {
  await central.publish(smallBundle(2));
  const company = open();
  await company.start(person);
  await company.close();
  const old = readFileSync(cacheOf(company.dataDir));
  await central.publish(smallBundle(7));
  const second = await restart(company);
  await second.start(person);
  await second.until(() => second.bundle().bundle?.version === 7);
  await second.close();

  writeFileSync(cacheOf(company.dataDir), old);
  central.jws = undefined;
  const third = await restart(second);
  await third.start(person);
  assert.equal(third.bundle().state, 'refused');
  await third.close();
  rmSync(cacheOf(company.dataDir), { force: true });
  await central.publish(smallBundle(6));
  const fourth = await restart(third);
  await fourth.start(person);
  assert.equal(fourth.bundle().state, 'refused');
  assert.match(fourth.bundle().error!.message, /older than version 7/);
});

test("another person's stored bundle is ignored and removed", async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  central.jws = undefined;
  const restarted = await restart(company);
  await restarted.start({ ...person, sub: 'bob' });
  assert.deepEqual(restarted.bundle(), { state: 'none' });
  await restarted.close();
  assert.equal(existsSync(cacheOf(company.dataDir)), false);
});

test('a change of person while running takes nothing along', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  central.jws = undefined;
  const started = company.start({ ...person, sub: 'bob' });
  assert.equal(company.bundle().bundle, undefined);
  await started;
  assert.deepEqual(company.bundle(), { state: 'none' });
});

test('a damaged stored bundle or damaged marks are kept aside and reported, and do not stop the start', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  await company.close();
  writeFileSync(cacheOf(company.dataDir), '{"format":1,');
  writeFileSync(join(company.dataDir, 'company', 'versions.json'), 'rubbish');
  central.answers.set(bundleRoute, (_, response) => response.writeHead(503).end());
  const restarted = await restart(company);
  await restarted.start(person);
  assert.equal(restarted.bundle().state, 'none');
  assert.match(restarted.bundle().error!.message, /damaged/);
  central.answers.clear();
  await restarted.refresh();
  assert.equal(restarted.bundle().state, 'fresh');
  assert.equal(restarted.bundle().error, undefined);
  await restarted.close();
  const left = readdirSync(join(company.dataDir, 'company'));
  assert.ok(left.includes('bundle.json.damaged') && left.includes('versions.json.damaged'), left.join());
});

test('sign-out forgets the bundle, in memory at once and on disk; leaving without it does not', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  company.stop({ forget: false });
  assert.deepEqual(company.bundle(), { state: 'none' });
  await company.start(person);
  assert.equal(company.bundle().state, 'fresh');
  company.stop({ forget: true });
  assert.deepEqual(company.bundle(), { state: 'none' });
  assert.deepEqual(await company.refresh(), { state: 'none' });
  await company.close();
  assert.equal(existsSync(cacheOf(company.dataDir)), false);
});

test('freshness passes from fresh to stale to expired by the clock, and each step is told', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  central.jws = undefined;
  company.clock.ahead = 3_600_001;
  assert.equal(company.bundle().state, 'stale', 'at once, without waiting for a timer');
  const told: string[] = [];
  company.watch(() => told.push(company.bundle().state));
  await company.until(() => told.includes('stale'));
  company.clock.ahead = 7_200_001;
  await company.until(() => told.includes('expired'));
  assert.equal(company.bundle().bundle?.version, 3);
});

test('after a sleep of the machine it fetches and connects anew', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  await central.asked('GET /v1/events', 1);
  await central.publish(smallBundle(4));
  company.wake();
  await company.until(() => company.bundle().bundle?.version === 4);
  await central.asked('GET /v1/events', 2);
});

test('a 401 is answered once with a fresh token; a second one is said', async () => {
  await central.publish(smallBundle(3));
  central.tokens = new Set(['t2']);
  const forced: boolean[] = [];
  const company = open({
    token: (force) => {
      forced.push(force);
      return force ? 't2' : 't1';
    },
  });
  await company.start(person);
  assert.equal(company.bundle().state, 'fresh');
  assert.ok(forced.includes(true));
  await central.asked('GET /v1/events', 2);
  await company.refresh();
  await company.refresh();
  central.tokens = new Set();
  const before = central.count(bundleRoute);
  await company.refresh();
  assert.equal(central.count(bundleRoute), before + 2);
  assert.equal(company.contact().error?.code, 'signed-out');
  assert.equal(company.bundle().state, 'fresh');
});

test('concurrent refreshes are one fetch', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await company.start(person);
  await central.asked('GET /v1/events', 1);
  await company.refresh();
  const before = central.count(bundleRoute);
  await Promise.all([company.refresh(), company.refresh(), company.refresh()]);
  assert.equal(central.count(bundleRoute), before + 1);
});

test('an answer that hangs, before or within the body, is cut; an oversized one is not kept', async () => {
  const hanging = open({ timing: { requestMs: 50 } });
  central.answers.set(bundleRoute, () => {});
  await hanging.start(person);
  assert.equal(hanging.contact().error?.code, 'timed-out');
  central.answers.set(bundleRoute, (_, response) => response.writeHead(200).write('eyJ'));
  await hanging.refresh();
  assert.equal(hanging.contact().error?.code, 'timed-out');
  await hanging.close();

  const oversized = open({ timing: { requestMs: 60_000 } });
  const piece = Buffer.alloc(1024 * 1024, 'a');
  central.answers.set(bundleRoute, (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.concat(Array(33).fill(piece))));
  });
  await oversized.start(person);
  assert.match(oversized.contact().error?.message ?? oversized.bundle().error?.message ?? '', /more than/);
  assert.equal(oversized.bundle().bundle, undefined);
});

test('a replaced signing key is looked up in the bootstrap document', async () => {
  await central.publish(smallBundle(3));
  const next = await signingKey('k2');
  const company = open({
    renewBootstrap: async () => {
      central.keys = [central.key.jwk, next.jwk];
      return central.bootstrap();
    },
  });
  await company.start(person);
  central.jws = await next.sign(smallBundle(4));
  central.etag = '"k2"';
  const { bundle, error } = await company.refresh();
  assert.equal(error, undefined);
  assert.equal(bundle?.version, 4);
});

test('requests go up for the person, and nothing does while nobody is signed in', async () => {
  await central.publish(smallBundle(3));
  const company = open();
  await assert.rejects(company.postRequest({ server: 'crm', reason: 'I work there' }), { code: 'signed-out' });
  await assert.rejects(company.postLedger('[]', 'c'), { code: 'signed-out' });
  await company.start(person);
  assert.deepEqual(await company.postRequest({ server: 'crm', reason: 'I work there' }), { id: 'r-1' });
  assert.deepEqual(JSON.parse(central.seen.at(-1)!.body), { kind: 'access', server: 'crm', reason: 'I work there' });
  central.answers.set('POST /v1/requests', (_, response) => response.writeHead(409).end('{"message":"You have 100 open requests."}'));
  await assert.rejects(company.postRequest({ server: 'crm', reason: 'x' }), { code: 'conflict', message: /100 open requests/ });
  central.answers.set('POST /v1/requests', () => company.stop({ forget: false }));
  await assert.rejects(company.postRequest({ server: 'crm', reason: 'x' }), { code: 'signed-out' });
});

test('a token is never sent on a redirect', async () => {
  const thief = await smallCentral();
  central.answers.set(bundleRoute, (_, response) => response.writeHead(307, { location: `${thief.url}/v1/bundle` }).end());
  const company = open();
  await company.start(person);
  assert.equal(company.contact().state, 'offline');
  assert.equal(thief.seen.length, 0);
  await thief.close();
});
