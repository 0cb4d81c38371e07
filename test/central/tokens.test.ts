import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { orgYaml } from './company-folder.ts';
import { openIssuer } from './issuer.ts';
import { openAcme } from './open.ts';

test('a token is refused for each thing that can be wrong with it, with a challenge and a way out', async (t) => {
  const acme = await openAcme(t);
  const stranger = await openIssuer();
  t.after(() => stranger.close());
  const good = await acme.token(['staff']);
  const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${good.split('.')[1]}.`;
  const shared = await new SignJWT({ groups: ['staff'] })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .setIssuer(acme.issuer.url)
    .setAudience(acme.resource)
    .setSubject('ada')
    .setExpirationTime('5m')
    .sign(Buffer.from('the-public-key-as-a-shared-secret-32b'));
  const [head, , signature] = good.split('.');
  const forged = `${head}.${Buffer.from(JSON.stringify({ iss: acme.issuer.url, aud: acme.resource, sub: 'ada', exp: 4e9, groups: ['finance'] })).toString('base64url')}.${signature}`;

  const cases: [string, string, RegExp][] = [
    ['expired', await acme.token(['staff'], { expires: Math.floor(Date.now() / 1000) - 60 }), /expired/],
    ['for another audience', await acme.issuer.token('gatehouse', ['staff']), /audience/],
    ['of another issuer', await acme.token(['staff'], { issuer: 'https://elsewhere.example' }), /issuer/],
    ['signed by a stranger', await stranger.token(acme.resource, ['finance'], { issuer: acme.issuer.url }), /key/],
    ['alg none', none, /algorithm|signed/],
    ['a shared secret', shared, /algorithm/],
    ['changed', forged, /signature/],
    ['another kind of token', await acme.token(['staff'], { typ: 'logout+jwt' }), /access token/],
    ['bound to a key', await acme.token(['staff'], { claims: { cnf: { jkt: 'x' } } }), /bound/],
    ['no token at all', 'rubbish', /signed token/],
  ];
  for (const [name, token, why] of cases) {
    const answer = await acme.get('/v1/bundle', token);
    assert.equal(answer.status, 401, name);
    assert.match(answer.headers.get('www-authenticate')!, /^Bearer .*error="invalid_token"/, name);
    const body = (await answer.json()) as { error: string; message: string; fix: string };
    assert.equal(body.error, 'signed-out', name);
    assert.match(body.message, why, name);
    assert.match(body.fix, /Sign in again/, name);
  }
  for (const typ of ['JWT', 'application/at+jwt'])
    assert.equal((await acme.get('/v1/bundle', await acme.token(['staff'], { typ }))).status, 200);
});

test('without a token: 401 and a challenge that names no error (RFC 6750)', async (t) => {
  const acme = await openAcme(t);
  for (const path of ['/v1/bundle', '/v1/events', '/v0.1/servers']) {
    const answer = await acme.get(path);
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="gatehouse"');
  }
  const basic = await fetch(`${acme.central().url}/v1/bundle`, { headers: { Authorization: 'Basic YTpi' } });
  assert.equal(basic.status, 401);
});

test('a key that appears later is fetched; one that was withdrawn is refused', async (t) => {
  const acme = await openAcme(t);
  const before = await acme.token(['staff']);
  assert.equal((await acme.get('/v1/bundle', before)).status, 200);
  await acme.issuer.rotate();
  assert.equal((await acme.get('/v1/bundle', await acme.token(['staff']))).status, 200);
  assert.equal((await acme.get('/v1/bundle', before)).status, 401);
  assert.ok(acme.issuer.fetched() >= 2);
});

test('an identity provider that is down is 503, never 401: nobody is signed out by it', async (t) => {
  const acme = await openAcme(t);
  acme.issuer.setDown(true);
  const token = await acme.token(['staff']);
  const answer = await acme.get('/v1/bundle', token);
  assert.equal(answer.status, 503);
  assert.ok(answer.headers.get('retry-after'));
  acme.issuer.setDown(false);
  assert.equal((await acme.get('/v1/bundle', token)).status, 200);
});

test('too many groups to list, and a missing scope, are 403 with a reason', async (t) => {
  const acme = await openAcme(t);
  const overage = await acme.token(undefined, { claims: { _claim_names: { groups: 'src1' } } });
  const answer = await acme.get('/v1/bundle', overage);
  assert.equal(answer.status, 403);
  assert.match(((await answer.json()) as { message: string }).message, /too many groups/);

  acme.write('org.yaml', `${orgYaml}required_scope: mcp\n`);
  while (acme.central().version() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  const without = await acme.get('/v1/bundle', await acme.token(['staff']));
  assert.equal(without.status, 403);
  assert.match(without.headers.get('www-authenticate')!, /error="insufficient_scope", scope="mcp"/);
  assert.equal((await acme.get('/v1/bundle', await acme.token(['staff'], { claims: { scope: 'openid mcp' } }))).status, 200);
});
