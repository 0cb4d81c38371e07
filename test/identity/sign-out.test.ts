import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failure } from '../../src/base/errors.ts';
import { openIdp } from '../../src/demo/idp.ts';
import { memoryVault, testHost } from '../support/host.ts';
import { notingFetch, resource, signIn, startIdentity, startIdp, until } from '../support/sign-in.ts';

/** What a program that copied the vault would get. */
async function reuse(t: Parameters<typeof startIdentity>[0], issuer: string, vault: Map<string, string>) {
  const copy = await startIdentity(t, issuer, testHost({ vault: memoryVault(vault) }));
  return (await until(copy, ({ state }) => state !== 'starting')).state;
}

test('signing out forgets, revokes and tells where the browser session is ended', async (t) => {
  const idp = await startIdp(t);
  const host = testHost();
  const identity = await startIdentity(t, idp.issuer, host);
  await signIn(identity);
  const copy = new Map(host.vault.content);
  const { logoutUrl } = await identity.signOut();
  assert.deepEqual(identity.state(), { state: 'signed-out' });
  assert.equal(host.vault.content.size, 0);
  await assert.rejects(identity.accessToken(), (error: Failure) => error.code === 'signed-out');
  const url = new URL(logoutUrl ?? '');
  assert.equal(url.origin, idp.issuer);
  assert.ok(url.searchParams.get('id_token_hint'));
  assert.equal(await reuse(t, idp.issuer, copy), 'expired');
  assert.deepEqual(await identity.signOut(), {});
});

test('with the provider down it is signed out here at once and revoked there when it is back', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-idp-'));
  const first = await openIdp({ port: 0, dataDir, resources: [resource] });
  const port = Number(new URL(first.issuer).port);
  const host = testHost();
  const identity = await startIdentity(t, first.issuer, host);
  await signIn(identity);
  const copy = new Map(host.vault.content);
  await first.close();
  await identity.signOut();
  assert.deepEqual(identity.state(), { state: 'signed-out' });
  assert.deepEqual(
    [...host.vault.content.keys()].map((name) => name.split('-')[0]),
    ['revoke'],
  );
  await identity.close();

  await startIdp(t, { port, dataDir });
  const { promise: revoked, resolve } = Promise.withResolvers<void>();
  const deleting = memoryVault(host.vault.content);
  const vault = {
    ...deleting,
    async delete(name: string) {
      await deleting.delete(name);
      if (name.startsWith('revoke')) resolve();
    },
  };
  const later = await startIdentity(t, first.issuer, testHost({ vault }));
  assert.equal(later.state().state, 'signed-out');
  await revoked;
  assert.equal(await reuse(t, first.issuer, copy), 'expired');
});

test('a provider that takes no revocation is not asked again', async (t) => {
  const idp = await startIdp(t);
  const { fetch: noting, posts } = notingFetch();
  let refused = 0;
  const refusing: typeof fetch = async (input, init) => {
    if (!String(input).endsWith('/revocation')) return noting(input, init);
    refused++;
    return Response.json({ error: 'unsupported_token_type' }, { status: 400 });
  };
  const host = testHost({ fetch: refusing });
  const identity = await startIdentity(t, idp.issuer, host);
  await signIn(identity);
  await identity.signOut();
  assert.equal(refused, 1);
  assert.equal(posts.length, 1);
  assert.equal(host.vault.content.size, 0);
});

test('a refresh under way does not bring a signed-out person back, and its token is revoked too', async (t) => {
  const idp = await startIdp(t);
  const release = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let armed = false;
  const { fetch: noting, posts } = notingFetch();
  const slow: typeof fetch = async (input, init) => {
    const response = await noting(input, init);
    if (armed && String(input).endsWith('/token')) {
      reached.resolve();
      await release.promise;
    }
    return response;
  };
  const host = testHost({ fetch: slow });
  const identity = await startIdentity(t, idp.issuer, host);
  await signIn(identity);
  armed = true;
  const refreshed = assert.rejects(identity.accessToken({ forceRefresh: true }), (error: Failure) => error.code === 'signed-out');
  await reached.promise;
  const leaving = identity.signOut();
  assert.equal(identity.state().state, 'signed-out');
  release.resolve();
  await Promise.all([refreshed, leaving]);
  assert.equal(identity.state().state, 'signed-out');
  assert.equal(host.vault.content.size, 0);
  const newest = posts.filter(({ path }) => path === '/token').at(-1)?.answer['refresh_token'];
  assert.equal(posts.at(-1)?.path, '/token/revocation');
  assert.equal(posts.at(-1)?.body.get('token'), newest);
});

test('the app may close in the middle of a refresh: the rotated token is kept', async (t) => {
  const idp = await startIdp(t);
  const reached = Promise.withResolvers<void>();
  let armed = false;
  const slow: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (armed && String(input).endsWith('/token')) reached.resolve();
    return response;
  };
  const host = testHost({ fetch: slow });
  const identity = await startIdentity(t, idp.issuer, host);
  await signIn(identity);
  armed = true;
  identity.accessToken({ forceRefresh: true }).catch(() => {});
  await reached.promise;
  await identity.close();
  const again = await startIdentity(t, idp.issuer, testHost({ vault: memoryVault(host.vault.content) }));
  assert.equal((await until(again, ({ state }) => state !== 'starting')).state, 'signed-in');
});
