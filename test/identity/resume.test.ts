import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failure } from '../../src/base/errors.ts';
import { openIdp } from '../../src/demo/idp.ts';
import { memoryVault, testHost } from '../support/host.ts';
import { claimsOf, resource, signIn, startIdentity, startIdp, until } from '../support/sign-in.ts';

test('a restart resumes silently, from the vault', async (t) => {
  const idp = await startIdp(t);
  const vault = memoryVault();
  const first = await startIdentity(t, idp.issuer, testHost({ vault }));
  await signIn(first, 'finance');
  await first.close();
  const second = await startIdentity(t, idp.issuer, testHost({ vault }));
  assert.equal(second.state().state, 'starting');
  assert.equal(second.state().person?.sub, 'finance');
  assert.equal(claimsOf(await second.accessToken())['sub'], 'finance');
  assert.equal(second.state().state, 'signed-in');
  // What was signed in for one provider or client is never offered to another.
  const other = await startIdentity(t, 'http://127.0.0.1:1', testHost({ vault }));
  assert.equal(other.state().state, 'signed-out');
  const client = await startIdentity(t, idp.issuer, testHost({ vault }), { clientId: 'another' });
  assert.equal(client.state().state, 'signed-out');
});

test('with the provider down at the start the person stays signed in, and gets a token when it is back', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-idp-'));
  const idp = await openIdp({ port: 0, dataDir, resources: [resource] });
  const vault = memoryVault();
  const first = await startIdentity(t, idp.issuer, testHost({ vault }));
  await signIn(first);
  await first.close();
  await idp.close();
  let ahead = 0;
  const second = await startIdentity(t, idp.issuer, testHost({ vault, now: () => Date.now() + ahead }));
  const state = await until(second, ({ state }) => state !== 'starting');
  assert.equal(state.state, 'signed-in');
  assert.equal(state.person?.sub, 'engineer');
  assert.equal(state.error?.code, 'unavailable');
  await assert.rejects(second.accessToken(), (error: Failure) => error.code === 'unavailable');
  await startIdp(t, { port: Number(new URL(idp.issuer).port), dataDir });
  ahead = 60_000;
  assert.ok(await second.accessToken());
  assert.equal(second.state().error, undefined);
});

test('a session that ended meanwhile is shown as expired, also after another restart', async (t) => {
  const idp = await startIdp(t);
  const vault = memoryVault();
  const first = await startIdentity(t, idp.issuer, testHost({ vault }));
  await signIn(first);
  const copy = new Map(vault.content);
  await first.signOut();
  for (let start = 0; start < 2; start++) {
    const again = await startIdentity(t, idp.issuer, testHost({ vault: memoryVault(copy) }));
    const { state, person } = await until(again, ({ state }) => state !== 'starting');
    assert.equal(state, 'expired');
    assert.equal(person?.name, 'Ines Varga');
    await again.close();
  }
});

test('rubbish in the vault means signing in again; a vault that fails, that it is tried again; one that fails later costs no session', async (t) => {
  const idp = await startIdp(t);
  const vault = memoryVault();
  await signIn(await startIdentity(t, idp.issuer, testHost({ vault })));
  const [name = ''] = vault.content.keys();
  for (const rubbish of ['', '{', '[]', '{"person":{"sub":1}}']) {
    const identity = await startIdentity(t, idp.issuer, testHost({ vault: memoryVault(new Map([[name, rubbish]])) }));
    assert.equal(identity.state().state, 'signed-out');
  }
  const locked = () => Promise.reject(new Error('locked'));
  await assert.rejects(startIdentity(t, idp.issuer, testHost({ vault: { ...memoryVault(), get: locked } })), /locked/);
  const identity = await startIdentity(t, idp.issuer, testHost({ vault: { ...memoryVault(), set: locked, delete: locked } }));
  await signIn(identity);
  assert.ok(await identity.accessToken({ forceRefresh: true }));
  await identity.signOut();
  assert.equal(identity.state().state, 'signed-out');
});

test('a listener that fails does not stop the others', async (t) => {
  const idp = await startIdp(t);
  const identity = await startIdentity(t, idp.issuer);
  const seen: string[] = [];
  identity.watch(() => {
    throw new Error('mine');
  });
  const stop = identity.watch(({ state }) => void seen.push(state));
  await signIn(identity);
  assert.deepEqual([...new Set(seen)], ['signing-in', 'signed-in']);
  stop();
  await identity.signOut();
  assert.ok(!seen.includes('signed-out'));
});
