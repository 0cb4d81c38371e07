import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as oidc from 'openid-client';
import { silent } from '../../src/base/log.ts';
import { bootstrap } from '../../src/bundle/schema.ts';
import { openReferenceCentral } from '../../src/cli/reference-central.ts';
import { driveSignIn } from '../../src/demo/drive-sign-in.ts';
import { openIdp } from '../../src/demo/idp.ts';
import { temporaryDir } from './company-folder.ts';

/** The code flow of RFC 8252 with PKCE, as the app goes it, told nothing but the bootstrap document. */
async function signIn(t: TestContext, central: string, account: string): Promise<string> {
  const about = bootstrap.parse(await (await fetch(`${central}/.well-known/gatehouse-configuration`)).json());
  const config = await oidc.discovery(new URL(about.issuer), about.client_id, undefined, oidc.None(), {
    execute: [oidc.allowInsecureRequests],
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  const listener = createServer((request, response) => {
    response.end();
    resolve(request.url!);
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  t.after(() => listener.close());
  const redirect_uri = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/callback`;
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: about.scopes.join(' '),
    prompt: 'consent',
    resource: about.resource,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  await driveSignIn(url.href, account);
  const callback = new URL(await promise, redirect_uri);
  return (await oidc.authorizationCodeGrant(config, callback, { pkceCodeVerifier }, { resource: about.resource })).access_token;
}

test('tokens of the real provider: the demo company, from sign-in to bundle, over a rotation of keys', async (t) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const idp = await openIdp({ port: 0, dataDir: join(dir.path, 'idp'), resources: [`http://127.0.0.1:${port}/v1`] });
  t.after(() => idp.close());
  const central = await openReferenceCentral({
    folder: join(import.meta.dirname, '../../resources/demo'),
    dataDir: join(dir.path, 'central'),
    port,
    variables: { issuer: idp.issuer },
    log: silent,
  });
  t.after(() => central.close());

  const bundleOf = async (token: string) => {
    const answer = await fetch(`${central.url}/v1/bundle`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 200);
    return JSON.parse(Buffer.from((await answer.text()).split('.')[1]!, 'base64url').toString()) as {
      groups: string[];
      servers: { id: string }[];
    };
  };
  const engineer = await bundleOf(await signIn(t, central.url, 'engineer'));
  assert.deepEqual(engineer.groups, ['apollo', 'engineering', 'staff']);
  assert.deepEqual(
    engineer.servers.map(({ id }) => id),
    ['everything', 'filesystem', 'memory', 'parcels', 'releases', 'tickets'],
  );
  idp.rotateKeys();
  const finance = await bundleOf(await signIn(t, central.url, 'finance'));
  assert.ok(finance.servers.some(({ id }) => id === 'payroll'));
});
