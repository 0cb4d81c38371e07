import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { compactVerify, createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import { bootstrap, bundle } from '../../src/bundle/schema.ts';
import { rotateSigningKey } from '../../src/central/publish/signing-key.ts';
import { openAcme } from './open.ts';

const read = (text: string) => bundle.parse(JSON.parse(Buffer.from(text.split('.')[1]!, 'base64url').toString()));

test('the bootstrap document is open, complete and holds the key that bundles are signed with', async (t) => {
  const acme = await openAcme(t);
  const answer = await acme.get('/.well-known/gatehouse-configuration');
  assert.equal(answer.status, 200);
  const document = bootstrap.parse(await answer.json());
  assert.equal(document.company.name, 'Acme');
  assert.equal(document.issuer, acme.issuer.url);
  assert.equal(document.resource, acme.resource);
  assert.equal(document.endpoints.bundle, `${acme.central().url}/v1/bundle`);
  assert.ok(document.bundle_jwks.keys.every((key) => !('d' in key)));

  const jws = await (await acme.get('/v1/bundle', await acme.token(['staff']))).text();
  const keys = createLocalJWKSet(document.bundle_jwks as JSONWebKeySet);
  const verified = await compactVerify(jws, keys, { algorithms: ['Ed25519'] });
  assert.equal(verified.protectedHeader.typ, 'gatehouse-bundle+jws');
  assert.equal(read(jws).version, 1);
});

test('each audience gets its own servers, policies and groups, and unknown groups change nothing', async (t) => {
  const acme = await openAcme(t);
  const of = async (groups: unknown) => read(await (await acme.get('/v1/bundle', await acme.token(groups))).text());

  const staff = await of(['staff', 'somebody-elses-group']);
  assert.deepEqual(staff.groups, ['staff']);
  assert.deepEqual(
    staff.servers.map(({ id }) => id),
    ['wiki'],
  );
  assert.deepEqual(
    staff.policies.map(({ id }) => id),
    ['P-1'],
  );

  const finance = await of(['finance', 'staff']);
  assert.deepEqual(finance.groups, ['finance', 'staff']);
  assert.deepEqual(
    finance.servers.map(({ id }) => id),
    ['books', 'wiki'],
  );
  assert.equal(finance.limits.concurrentCalls, 8);
  const [tool] = finance.servers[0]!.catalogue.tools;
  assert.deepEqual(tool!['x-unknown'], { kept: true });
  assert.deepEqual(finance.servers[0]!.tools['write'], { readOnly: false, destructive: true, openWorld: true, tags: [] });
  assert.equal(finance.servers[0]!.url, 'http://127.0.0.1:4000/mcp');

  assert.deepEqual((await of([])).servers, []);
  assert.deepEqual(
    (await of('finance')).servers.map(({ id }) => id),
    ['books'],
    'a claim that is one string is one group',
  );
});

test('strong ETag, 304 and gzip', async (t) => {
  const acme = await openAcme(t);
  const token = await acme.token(['staff']);
  const plain = await acme.get('/v1/bundle', token, { 'Accept-Encoding': 'identity' });
  const tag = plain.headers.get('etag')!;
  assert.match(tag, /^"[A-Za-z0-9_-]{43}"$/);
  assert.match(plain.headers.get('vary')!, /Accept-Encoding/);
  assert.match(plain.headers.get('cache-control')!, /private/);
  const text = await plain.text();

  const zipped = await raw(acme.central().url, token, { 'Accept-Encoding': 'br, gzip;q=0.8' });
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  assert.equal(gunzipSync(zipped.body).toString(), text);
  assert.notEqual(zipped.headers.etag, tag, 'another representation has another strong tag');

  for (const ifNoneMatch of [tag, `"other", W/${tag}`, zipped.headers.etag!, '*']) {
    const answer = await raw(acme.central().url, token, { 'Accept-Encoding': 'gzip', 'If-None-Match': ifNoneMatch });
    assert.equal(answer.status, 304, ifNoneMatch);
    assert.equal(answer.body.length, 0);
    assert.equal(answer.headers.etag, zipped.headers.etag);
  }
  assert.equal((await acme.get('/v1/bundle', token, { 'If-None-Match': '"another"' })).status, 200);
  assert.equal((await raw(acme.central().url, token, { 'Accept-Encoding': 'gzip;q=0' })).headers['content-encoding'], undefined);
});

test('the same bytes until `resign` has passed, then new dates under the same version', async (t) => {
  const acme = await openAcme(t);
  const text = async () => (await acme.get('/v1/bundle', await acme.token(['staff'], { expires: '3h' }))).text();
  const first = await text();
  acme.pass(59 * 60_000);
  assert.equal(await text(), first);
  acme.pass(2 * 60_000);
  const second = await text();
  assert.notEqual(second, first);
  assert.equal(read(second).version, read(first).version);
  assert.equal(Date.parse(read(second).staleAfter) - Date.parse(read(second).issuedAt), 12 * 3_600_000);
  assert.equal(Date.parse(read(second).notAfter) - Date.parse(read(second).issuedAt), 7 * 86_400_000);
});

test('after a rotation new bundles carry the new key and the old one stays published', async (t) => {
  const acme = await openAcme(t);
  const bundleOf = async () => (await acme.get('/v1/bundle', await acme.token(['staff']))).text();
  const before = await bundleOf();
  await rotateSigningKey(acme.dataDir);
  await acme.restart();
  const after = await bundleOf();
  assert.notEqual(decodeProtectedHeader(after).kid, decodeProtectedHeader(before).kid);
  const document = bootstrap.parse(await (await acme.get('/.well-known/gatehouse-configuration')).json());
  const keys = createLocalJWKSet(document.bundle_jwks as JSONWebKeySet);
  for (const jws of [before, after]) await compactVerify(jws, keys, { algorithms: ['Ed25519'] });
});

/** fetch() unpacks gzip by itself; this shows the bytes. */
function raw(
  url: string,
  token: string,
  headers: Record<string, string>,
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    http
      .get(`${url}/v1/bundle`, { headers: { Authorization: `Bearer ${token}`, ...headers } }, async (response) => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk);
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) });
      })
      .on('error', reject);
  });
}
