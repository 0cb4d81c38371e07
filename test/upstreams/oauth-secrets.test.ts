// Sign-ins at servers that want a secret besides, or whose authorization server wants one of its client.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ServerEntry, serverEntry } from '../../src/bundle/schema.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import type { SignIns } from '../../src/upstreams/oauth/sign-ins.ts';
import { memoryVault } from '../support/host.ts';
import { secretsOver, wants } from '../support/secrets.ts';
import { openSigningIn } from '../support/signing-in.ts';
import { entry, until } from '../support/upstreams/open.ts';

const key = 'k-1234567890/abcdef';
const appSecret: ServerEntry['secrets'][number] = { name: 'app-secret', description: '', required: true, where: [] };

const page = async (signIns: SignIns, server: ServerEntry) =>
  (await fetch((await signIns.begin(server)).url, { redirect: 'manual' })).text();

test('a server that wants a key and a sign-in gets both; the key goes to the server alone, also while its sign-in is looked for', async (t) => {
  const walled: string[] = [];
  const elsewhere: string[] = [];
  const { call, signIn, signIns, secrets, server, upstream } = await openSigningIn(t, {
    secrets: [wants('x-key', { in: 'header', name: 'X-Key' }), wants('q', { in: 'query', name: 'q' })],
    instead: async (path, _issuer, request, response) => {
      const sent = JSON.stringify([request.url, request.headers]);
      assert.ok(!sent.includes('secret://'));
      if (path !== '/mcp') elsewhere.push(sent);
      else if (request.headers['x-key'] !== key || !request.url!.endsWith('?q=k-1234567890%2Fabcdef')) {
        walled.push(sent);
        response.writeHead(403).end();
        return true;
      }
      return false;
    },
  });
  const before = await call();
  assert.ok(before.failed && /needs x-key and q/.test(before.text), before.text);
  assert.match(await page(signIns, server), /cannot sign in to Own yet: it needs x-key and q/);
  assert.deepEqual([walled, elsewhere, upstream.asked], [[], [], []], 'nothing was sent');
  await secrets.set(server, 'x-key', key);
  await secrets.set(server, 'q', key);
  // In the window: no server has been heard yet.
  await signIn();
  assert.deepEqual(await call(), { failed: false, text: 'ann' });
  assert.deepEqual(walled, []);
  assert.ok(elsewhere.length > 3 && !elsewhere.some((sent) => sent.includes('k-1234567890')), 'the authorization server is told nothing');
});

async function openConfidential(t: TestContext, method: string) {
  const vault = memoryVault();
  const redirectUri = 'http://localhost/oauth/callback/own';
  const client = {
    client_id: 'gatehouse-at-own',
    client_secret: key,
    token_endpoint_auth_method: method,
    application_type: 'native',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
  const server: string[] = [];
  const opened = await openSigningIn(t, {
    vault,
    lifetime: 60,
    registration: false,
    clients: [client],
    secrets: [appSecret],
    auth: (issuer) => ({ issuer, clientId: 'gatehouse-at-own', clientSecret: 'app-secret', redirectHost: 'localhost' }),
    instead: async (path, _issuer, request) => {
      if (path !== '/token' && path !== '/token/revocation') server.push(JSON.stringify([request.url, request.headers]));
      return false;
    },
  });
  return { ...opened, server, entry: opened.server, vault };
}

for (const method of ['client_secret_basic', 'client_secret_post'])
  test(`${method}: a confidential client signs in and refreshes with the secret that the person entered, and only there`, async (t) => {
    const { call, signIn, secrets, entry: mine, server, upstream, forward, signIns, vault } = await openConfidential(t, method);
    const before = await call();
    assert.ok(before.failed && /needs app-secret/.test(before.text) && !before.text.includes('/sign-in/'), before.text);
    assert.equal(secrets.rows(mine)[0]!.goesTo, upstream.issuer);
    assert.match(await page(signIns, mine), /cannot sign in to Own yet: it needs app-secret/);
    assert.equal(server.length, 0, 'nothing was sent');
    await secrets.set(mine, 'app-secret', 'not-the-right-one');
    await assert.rejects(signIn(), (error: Error) => !error.message.includes('not-the-right'));
    await secrets.set(mine, 'app-secret', key);
    await signIns.secretChanged('own', 'app-secret');
    const link = /http:\S+\/sign-in\/[\w-]+/.exec((await call()).text)![0];
    await driveSignIn(link, 'ann');
    assert.deepEqual(await call(), { failed: false, text: 'ann' });
    forward(61_000);
    assert.deepEqual(await call(), { failed: false, text: 'ann' });
    const grants = upstream.asked
      .filter(({ path, status }) => path === '/token' && status === 200)
      .map(({ body }) => body.get('grant_type'));
    assert.deepEqual(grants, ['authorization_code', 'refresh_token']);
    assert.ok(!server.some((sent) => sent.includes('k-1234567890')), 'neither the server nor a browser has seen it');

    await secrets.clear(mine, 'app-secret');
    await signIns.secretChanged('own', 'another');
    assert.equal(signIns.state(mine)?.state, 'signed-in');
    await signIns.secretChanged('own', 'app-secret');
    assert.equal(signIns.state(mine)?.state, 'signed-out');
    assert.match((await call()).text, /needs app-secret/);
    // It is kept until it is revoked there, which takes the old secret.
    await until(() => ![...vault.content.values()].some((text) => text.includes('k-1234567890')));
    assert.deepEqual(
      upstream.asked.filter(({ path }) => path === '/token/revocation').map(({ status }) => status),
      [200],
    );
  });

test('the secret of a client goes to the authorization server that the company states; where that is another one it is asked for again', async () => {
  const auth = { type: 'oauth', issuer: 'https://login.example', clientId: 'app', clientSecret: 'app-secret' } as const;
  const stated = { url: 'https://a.example/mcp', auth, secrets: [appSecret] };
  const mine = entry(stated);
  const { secrets } = secretsOver();
  await secrets.set(mine, 'app-secret', key);
  const at = (change: object) => secrets.rows(entry({ ...stated, ...change }))[0]!;
  assert.equal(at({}).state, 'set');
  assert.equal(at({ url: 'https://b.example/mcp' }).state, 'set', 'the server never gets it');
  const moved = at({ auth: { ...auth, issuer: 'https://evil.example' } });
  assert.equal(moved.state, 'missing');
  assert.match(moved.why!, /entered for https:\/\/login\.example, and the company moved this server to https:\/\/evil\.example/);
  assert.deepEqual(secrets.filled(mine)!.headers, []);
  const whole = { ...mine, catalogue: {}, tools: {} };
  const refused = (change: object) => JSON.stringify(serverEntry.safeParse({ ...whole, ...change }).error?.issues ?? '');
  assert.equal(refused({}), '""');
  const { issuer: _issuer, ...anywhere } = auth;
  assert.match(refused({ auth: anywhere }), /needs the clientId and the issuer/);
  assert.match(refused({ auth: { ...auth, clientId: undefined } }), /needs the clientId and the issuer/);
  assert.match(refused({ auth: { ...auth, issuer: 'http://login.example' } }), /in the clear/);
  assert.match(refused({ secrets: [] }), /none of the required secrets/);
  assert.match(refused({ secrets: [{ ...appSecret, required: false }] }), /none of the required secrets/);
  assert.match(refused({ secrets: [wants('app-secret', { in: 'header', name: 'X' })] }), /would go to the server/);
});
