import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { calculateJwkThumbprint } from 'jose';
import { fetchBootstrap } from '../../src/company/bootstrap.ts';
import type { PinnedKey } from '../../src/company/keys.ts';
import { type SmallCentral, signingKey, smallCentral } from '../support/central.ts';

const well = 'GET /.well-known/gatehouse-configuration';
let central: SmallCentral;
let cacheFile: string;
before(async () => {
  central = await smallCentral();
});
after(() => central.close());
beforeEach(async () => {
  cacheFile = join(await mkdtemp(join(tmpdir(), 'gatehouse-test-')), 'company', 'bootstrap.json');
  central.answers.clear();
  central.keys = [central.key.jwk];
});
const get = (options: { pinnedKey?: PinnedKey; central?: string; timeoutMs?: number; signal?: AbortSignal } = {}) =>
  fetchBootstrap({ fetch, central: central.url, cacheFile, signal: new AbortController().signal, ...options });
const serve = (change: (document: Record<string, unknown>) => void) =>
  central.answers.set(well, (_, response) => {
    const document = structuredClone(central.bootstrap()) as unknown as Record<string, unknown>;
    change(document);
    response.end(JSON.stringify(document));
  });
const down = () => central.answers.set(well, (_, response) => response.writeHead(503).end());

test('is read, kept for the user alone, and used while the central API is down', async () => {
  const first = await get();
  assert.equal(first.fromCache, false);
  assert.equal(first.bootstrap.client_id, 'desktop');
  assert.equal(statSync(cacheFile).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dirname(cacheFile)), ['bootstrap.json']);
  down();
  const second = await get();
  assert.equal(second.fromCache, true);
  assert.equal(second.error?.code, 'unavailable');
  assert.deepEqual(second.bootstrap, first.bootstrap);
});

test('down from the start: a failure that says what to do', async () => {
  const gone = await smallCentral();
  await gone.close();
  await assert.rejects(get({ central: gone.url }), { code: 'unavailable', message: /cannot be reached \(ECONNREFUSED\)/ });
});

test('an answer that hangs, floods, is no JSON or redirects is a failure, never a hang', async () => {
  central.answers.set(well, () => {});
  await assert.rejects(get({ timeoutMs: 50 }), { code: 'timed-out' });
  central.answers.set(well, (_, response) => {
    response.write('{"company":');
  });
  await assert.rejects(get({ timeoutMs: 50 }), { code: 'timed-out' });
  central.answers.set(well, (_, response) => response.end(`"${'x'.repeat(2 * 1024 * 1024)}"`));
  await assert.rejects(get(), { code: 'integrity', message: /more than/ });
  central.answers.set(well, (_, response) => response.end('<html>Sign in to our Wi-Fi</html>'));
  await assert.rejects(get(), { code: 'unavailable' });
  central.answers.set(well, (_, response) => response.writeHead(302, { location: 'https://example.com/' }).end());
  await assert.rejects(get(), { code: 'unavailable' });
  central.answers.set(well, (_, response) => response.end('{}'));
  await assert.rejects(get(), { code: 'integrity', message: /not valid/ });
});

test('the address must be https, or http on this machine; never with credentials', async () => {
  for (const address of [
    'http://gatehouse.example.com',
    'ftp://x',
    'nonsense',
    'https://u:p@example.com',
    'http://127.0.0.1.example.com/',
    'https://example.com/?x',
  ]) {
    await assert.rejects(get({ central: address }), { code: 'bad-input' }, address);
  }
});

test('endpoints stay at https or this origin', async () => {
  serve((document) => {
    (document['endpoints'] as Record<string, string>)['bundle'] = 'http://gatehouse.example.com/v1/bundle';
  });
  await assert.rejects(get(), { code: 'integrity', message: /"bundle"/ });
  serve((document) => {
    document['issuer'] = 'http://idp.example.com';
  });
  await assert.rejects(get(), { code: 'integrity', message: /"issuer"/ });
  serve((document) => {
    document['issuer'] = 'https://idp.example.com';
  });
  assert.equal((await get()).bootstrap.issuer, 'https://idp.example.com');
});

test('a pin leaves only its key, as a thumbprint, a JWK or a list', async () => {
  const other = await signingKey('k2');
  central.keys = [central.key.jwk, other.jwk];
  const print = await calculateJwkThumbprint(other.jwk);
  for (const pinnedKey of [print, other.jwk, [print, 'nothing']] as PinnedKey[]) {
    assert.deepEqual(
      (await get({ pinnedKey })).bootstrap.bundle_jwks.keys.map(({ kid }) => kid),
      ['k2'],
    );
  }
  await assert.rejects(
    get({ pinnedKey: 'A'.repeat(43), central: `${central.url}/` }).then((r) => (r.fromCache ? Promise.reject({ code: r.error?.code }) : r)),
    {
      code: 'integrity',
    },
  );
});

test('a pin holds against the cache too', async () => {
  await get();
  down();
  await assert.rejects(get({ pinnedKey: 'A'.repeat(43) }), { code: 'unavailable' });
  assert.equal((await get({ pinnedKey: central.key.jwk })).fromCache, true);
});

test('a replacement must keep a known key: both, then the new one alone', async () => {
  await get();
  const next = await signingKey('k2');
  central.keys = [central.key.jwk, next.jwk];
  assert.equal((await get()).fromCache, false);
  central.keys = [next.jwk];
  assert.equal((await get()).fromCache, false);
});

test('one that replaces every key is refused and the last good one stays, unless the pin says so', async () => {
  await get();
  const thief = await signingKey('k1');
  central.keys = [thief.jwk];
  for (const _ of [1, 2]) {
    const { bootstrap, fromCache, error } = await get();
    assert.equal(fromCache, true);
    assert.equal(error?.code, 'integrity');
    assert.deepEqual(bootstrap.bundle_jwks.keys, [central.key.jwk]);
  }
  const { fromCache } = await get({ pinnedKey: await calculateJwkThumbprint(thief.jwk) });
  assert.equal(fromCache, false);
});

test('a damaged cache is kept aside and does no harm; one of another central API says nothing', async () => {
  await get();
  writeFileSync(cacheFile, readFileSync(cacheFile, 'utf8').slice(0, 50));
  assert.equal((await get()).fromCache, false);
  assert.deepEqual(readdirSync(dirname(cacheFile)).sort(), ['bootstrap.json', 'bootstrap.json.damaged']);
  const other = await smallCentral();
  assert.equal((await get({ central: other.url })).fromCache, false);
  await other.close();
});

test('an abort by the caller is not answered from the cache', async () => {
  await get();
  central.answers.set(well, () => {});
  const controller = new AbortController();
  const asked = get({ signal: controller.signal });
  controller.abort();
  await assert.rejects(asked, { name: 'AbortError' });
});
