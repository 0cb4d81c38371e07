import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { before, test } from 'node:test';
import { calculateJwkThumbprint } from 'jose';
import { Failure } from '../../src/base/errors.ts';
import type { Bootstrap } from '../../src/bundle/schema.ts';
import { thumbprint as ours } from '../../src/company/keys.ts';
import { type HighMark, readBundle, verifySignature } from '../../src/company/verify.ts';
import { company, type SigningKey, signingKey, smallBundle } from '../support/central.ts';

let key: SigningKey;
before(async () => {
  key = await signingKey('k1');
});
const at = Date.parse('2026-11-23T09:00:00Z');
const verifyBundle = async (
  jws: string,
  { jwks, ...options }: { jwks: Bootstrap['bundle_jwks']; company: string; now: number; last?: HighMark | undefined },
) => readBundle(await verifySignature(jws, jwks), options);
const check = (jws: string, last?: HighMark, now = at) => verifyBundle(jws, { jwks: { keys: [key.jwk] }, company: company.id, now, last });
const refuses = (jws: string, why: RegExp, last?: HighMark, now?: number) =>
  assert.rejects(
    () => check(jws, last, now),
    (error) => error instanceof Failure && error.code === 'integrity' && error.fix !== undefined && why.test(error.message),
  );
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a bundle signed by jose is taken, under the new and the old name of the algorithm', async () => {
  assert.equal((await check(await key.sign(smallBundle(3, { at })))).version, 3);
  const { privateKey, publicKey } = await (await import('jose')).generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { CompactSign, exportJWK } = await import('jose');
  const jws = await new CompactSign(Buffer.from(JSON.stringify(smallBundle(4, { at }))))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'gatehouse-bundle+jws', kid: 'old' })
    .sign(privateKey);
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'old' } as { kty: string; kid: string }] };
  assert.equal((await verifyBundle(jws, { jwks, company: company.id, now: at })).version, 4);
});

test('thumbprints are those of RFC 7638', async () => {
  assert.equal(ours(key.jwk as Parameters<typeof ours>[0]), await calculateJwkThumbprint(key.jwk));
});

test('a changed payload, a changed signature and another key under the same kid are refused', async () => {
  const [header, payload, signature] = (await key.sign(smallBundle(3, { at }))).split('.') as [string, string, string];
  await refuses(`${header}.${part(smallBundle(4, { at }))}.${signature}`, /signature/);
  await refuses(`${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`, /signature/);
  await refuses(await (await signingKey('k1')).sign(smallBundle(3, { at })), /signature/);
});

test('an unknown kid is refused, and one that two keys share', async () => {
  await refuses(await (await signingKey('k2')).sign(smallBundle(3, { at })), /key that the company did not name/);
  const jws = await key.sign(smallBundle(3, { at }));
  const jwks = { keys: [key.jwk, (await signingKey('k1')).jwk] };
  await assert.rejects(() => verifyBundle(jws, { jwks, company: company.id, now: at }), { code: 'integrity' });
});

test('no other algorithm gets in: none, HS256 over the public key, a key that the JWS brings along', async () => {
  const payload = part(smallBundle(3, { at }));
  const head = (fields: object) => part({ typ: 'gatehouse-bundle+jws', kid: 'k1', ...fields });
  await refuses(`${head({ alg: 'none' })}.${payload}.`, /algorithm/);
  const input = `${head({ alg: 'HS256' })}.${payload}`;
  for (const secret of [key.jwk.x!, JSON.stringify(key.jwk), Buffer.from(key.jwk.x!, 'base64url')]) {
    await refuses(`${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`, /algorithm/);
  }
  const foreign = await signingKey('k1');
  await refuses(await foreign.sign(smallBundle(3, { at }), { jwk: foreign.jwk }), /signature/);
  // An RSA or EC key in the set is never used, whatever it is called.
  const jws = await key.sign(smallBundle(3, { at }));
  const jwks = { keys: [{ kty: 'RSA', kid: 'k1', n: 'AQAB', e: 'AQAB' }] };
  await assert.rejects(() => verifyBundle(jws, { jwks, company: company.id, now: at }), /did not name/);
});

test('headers that mean something else are refused', async () => {
  const { CompactSign, generateKeyPair } = await import('jose');
  const { privateKey } = await generateKeyPair('Ed25519');
  const signed = (header: object) =>
    new CompactSign(Buffer.from('{}')).setProtectedHeader({ alg: 'Ed25519', ...header } as { alg: string }).sign(privateKey);
  await refuses(await signed({ typ: 'JWT', kid: 'k1' }), /not marked as a bundle/);
  await refuses(await signed({ typ: 'gatehouse-bundle+jws' }), /name its key/);
  const [header, payload, signature] = (await key.sign(smallBundle(3, { at }))).split('.') as [string, string, string];
  const crit = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), crit: ['b64'], b64: true };
  await refuses(`${part(crit)}.${payload}.${signature}`, /extensions/);
  await refuses(`${header}.${payload}.${signature}=`, /base64url/);
  await refuses(`${header}.${payload}`, /compact/);
  await refuses(`${header}.${payload}.${signature}.x`, /compact/);
  await refuses('', /compact/);
  await refuses('bm90IGpzb24.e30.AA', /header/);
  await refuses('x'.repeat(33 * 1024 * 1024), /32 MiB/);
});

test('content that is not a bundle of this company and format is refused', async () => {
  await refuses(await key.sign('not json'), /not JSON/);
  await refuses(await key.sign('null'), /not valid/);
  await refuses(await key.sign({ ...smallBundle(3, { at }), version: 0 }), /not valid \(version/);
  await refuses(await key.sign({ ...smallBundle(3, { at }), format: 3 }), /newer than this Gatehouse/);
  await refuses(await key.sign(smallBundle(3, { at, company: { id: 'other', name: 'Other' } })), /another company/);
});

test('an older version is refused; the same one only when it was issued earlier', async () => {
  const last = { version: 7, issuedAt: new Date(at).toISOString() };
  await refuses(await key.sign(smallBundle(6, { at })), /older than version 7/, last);
  await refuses(await key.sign(smallBundle(7, { at: at - 1000 })), /earlier issue/, last);
  assert.equal((await check(await key.sign(smallBundle(7, { at })), last)).version, 7);
  assert.equal((await check(await key.sign(smallBundle(7, { at: at + 1000 })), last)).version, 7);
  assert.equal((await check(await key.sign(smallBundle(8, { at: at - 1000 })), last)).version, 8);
});

test('dates must be in order and not in the future; ones that are over are for the freshness tiers', async () => {
  await refuses(await key.sign(smallBundle(3, { at: at + 11 * 60_000 })), /future/);
  assert.equal((await check(await key.sign(smallBundle(3, { at: at + 9 * 60_000 })))).version, 3);
  assert.equal((await check(await key.sign(smallBundle(3, { at: at - 86_400_000 })))).version, 3);
  await refuses(await key.sign(smallBundle(3, { at, notAfter: new Date(at).toISOString() })), /not in order/);
  await refuses(await key.sign(smallBundle(3, { at, staleAfter: new Date(at - 1).toISOString() })), /not in order/);
});
