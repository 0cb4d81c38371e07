import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Outputs } from '../../src/contract/contract.ts';
import { ask, openLoneCore } from '../support/core.ts';
import { oauthAgent, pkce, type TokenAnswer } from '../support/oauth-agent.ts';
import { freePort, squat } from '../support/squatter.ts';

const withSix = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

test('another program on our port: agents that signed in count among those whose credentials may have leaked, and nobody is let in meanwhile', {
  skip: !withSix || process.platform !== 'linux' ? 'needs [::1], as Linux shares it' : false,
}, async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-oauth-port-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const agent = oauthAgent(origin);
  let core = await openLoneCore(dataDir, port);
  t.after(() => core.close());
  const client_id = await agent.registered({ client_name: 'Robot' });
  const { verifier, challenge } = pkce();
  const seen: string[] = [];
  const to = await agent.sentTo({ client_id, code_challenge: challenge }, async (id) => {
    const { consents } = await ask<Outputs['status']>(core, 'status');
    seen.push(...consents.map((request) => request.id));
    await ask(core, 'consent-allow', { id, days: 30 });
  });
  assert.equal(seen.length, 1);
  const fields = { grant_type: 'authorization_code', code: to.searchParams.get('code')!, client_id, code_verifier: verifier };
  const tokens = (
    await agent.form('/token', { ...fields, redirect_uri: 'http://127.0.0.1:7777/callback' })
  ).json() as unknown as TokenAnswer;
  const [row] = (await ask<Outputs['status']>(core, 'status')).agents;
  assert.equal(row?.name, 'Robot');
  assert.ok(Math.abs(Date.parse(row!.expiresAt!) - Date.now() - 30 * 86_400_000) < 60_000);
  // Nothing secret stands anywhere but at the agent.
  const view = JSON.stringify(await ask<Outputs['status']>(core, 'status'));
  await core.close();
  const files = globSync('**/*', { cwd: dataDir })
    .map((file) => join(dataDir, file))
    .filter((file) => statSync(file).isFile());
  assert.ok(files.length >= 3, files.join());
  for (const secret of [tokens.access_token, tokens.refresh_token, fields.code, verifier]) {
    assert.ok(!view.includes(secret.slice(4, 40)));
    for (const file of files) assert.ok(!readFileSync(file, 'latin1').includes(secret.slice(4, 40)), file);
  }

  const squatter = await squat({ host: '::1', takes: ['[::1]'], port, habit: 'silent', relayTo: { host: '127.0.0.1', port } } as Parameters<
    typeof squat
  >[0]);
  core = await openLoneCore(dataDir, port);
  assert.deepEqual((await ask<Outputs['status']>(core, 'status')).gateway.exposure?.agents, ['Robot']);
  // The gateway still answers at 127.0.0.1; a code would be taken wherever "localhost" leads.
  await agent.authorize({ client_id, code_challenge: pkce().challenge });
  const [waiting] = (await ask<Outputs['status']>(core, 'status')).consents;
  const refused = await core.dispatch('consent-allow', { id: waiting!.id });
  assert.ok(!refused.ok && refused.error.code === 'conflict', JSON.stringify(refused));
  await squatter.leave();
  await ask(core, 'status');
  await ask(core, 'agent-revoke', { name: 'Robot' });
  assert.equal((await ask<Outputs['status']>(core, 'status')).gateway.exposure, undefined);
  assert.equal((await agent.refresh(tokens.refresh_token, client_id)).json()['error'], 'invalid_grant');
});
