import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { calculateJwkThumbprint, compactVerify, EmbeddedJWK } from 'jose';
import { openDevice } from '../../src/company/device.ts';
import { memoryVault, testHost } from '../support/host.ts';

test('the identity stays over restarts: in the vault, or in a private file where the vault forgets', async () => {
  const keychain = { ...memoryVault(), kind: 'keychain' as const };
  const withVault = testHost({ vault: keychain as never });
  const { id } = await openDevice(withVault);
  assert.equal((await openDevice(withVault)).id, id);
  const file = (host: { dataDir: string }) => join(host.dataDir, 'company', 'device-key.json');
  assert.equal(existsSync(file(withVault)), false);

  const withFile = testHost();
  const forgotten = await openDevice(withFile);
  assert.equal(statSync(file(withFile)).mode & 0o777, 0o600);
  assert.equal((await openDevice(testHost({ dataDir: withFile.dataDir }))).id, forgotten.id);
  // A vault came later: the same identity moves into it.
  const later = testHost({ dataDir: withFile.dataDir, vault: { ...memoryVault(), kind: 'keychain' as const } as never });
  assert.equal((await openDevice(later)).id, forgotten.id);
  assert.equal(existsSync(file(withFile)), false);
  assert.equal((await openDevice(later)).id, forgotten.id);
});

test('what it signs can be checked by anybody, and its id is the thumbprint of its key', async () => {
  const device = await openDevice(testHost());
  const jws = device.sign('gatehouse-receipt+jws', { version: 3 });
  const { payload, protectedHeader } = await compactVerify(jws, EmbeddedJWK, { algorithms: ['Ed25519'] });
  assert.deepEqual(JSON.parse(Buffer.from(payload).toString()), { version: 3 });
  assert.deepEqual(protectedHeader.jwk, device.jwk);
  assert.equal(await calculateJwkThumbprint(device.jwk), device.id);
});

test('a damaged key is not replaced: another identity is for a person to decide', async () => {
  const host = testHost();
  await openDevice(host);
  const file = join(host.dataDir, 'company', 'device-key.json');
  writeFileSync(file, '{"kty":"OKP"');
  await assert.rejects(openDevice(host), { code: 'unavailable', fix: /vault reset/ });
  assert.equal(readFileSync(file, 'utf8'), '{"kty":"OKP"');
});
