import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { hostProgram } from '../../src/bridge/start.ts';
import { ask } from '../../src/shell/control-client.ts';
import { holderOf } from '../../src/shell/lock.ts';
import { hello, openBridged, startBridge } from '../support/bridged.ts';
import { entry, makeBundle } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { freePort } from '../support/squatter.ts';
import { until } from '../support/upstreams/open.ts';

/** What a bridge does while there is no host, no word of the person, nobody signed in, and when the host is started anew. */

let upstream: Awaited<ReturnType<typeof openRpcServer>>;
before(async () => {
  upstream = await openRpcServer({
    'tools/call': ({ params }) => (params['name'] === 'hang' ? undefined : { content: [{ type: 'text', text: 'hi' }] }),
  });
});
after(() => upstream?.close());

const bundle = () =>
  makeBundle({
    servers: [entry({ id: 'one', url: upstream.url, tools: ['say', 'hang'].map((name) => ({ name, inputSchema: { type: 'object' } })) })],
  });
const folder = () => mkdtempSync(join(tmpdir(), 'gatehouse-waiting-'));
const result = (line: string) => (JSON.parse(line) as { result?: Record<string, unknown> }).result;

test('without a host one is started; while the person is asked the agent is answered in time, and told when that is over', async (t) => {
  const dataDir = folder();
  const [port, uiPort] = [await freePort(), await freePort()];
  const set = {
    GATEHOUSE_VAULT_KEY: randomBytes(32).toString('base64url'),
    GATEHOUSE_PORT: String(port),
    GATEHOUSE_UI_PORT: String(uiPort),
    GATEHOUSE_NO_BROWSER: '1',
  };
  Object.assign(process.env, set);
  const bridge = startBridge(dataDir);
  for (const name of Object.keys(set)) delete process.env[name];
  t.after(async () => {
    bridge.child.kill();
    const pid = holderOf(dataDir, 'control')?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGTERM');
    await until(() =>
      ask(dataDir, 'status', {}).then(
        () => false,
        () => true,
      ),
    );
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
  });
  bridge.say(hello());
  bridge.say({ method: 'notifications/initialized' });
  bridge.say({ id: 2, method: 'tools/list' });
  await bridge.told(/starts Gatehouse/);
  const [, code] = await bridge.told(/allow (\S+) in Gatehouse/);
  // In time for the least patient of agents.
  assert.match(JSON.stringify(result(await bridge.answer(1))), /"protocolVersion":"2025-11-25".*allowed this agent/);
  assert.deepEqual(result(await bridge.answer(2)), { tools: [] });
  bridge.say({ id: 3, method: 'tools/call', params: { name: 'x', arguments: {} } });
  // As the command line says it.
  assert.equal((await ask(dataDir, 'consent-allow', { id: code! })).name, 'hand');
  await bridge.heard('notifications/tools/list_changed');
  assert.equal((await ask(dataDir, 'status', {})).agents[0]?.sessions, 1);
  bridge.say({ id: 4, method: 'tools/list' });
  assert.deepEqual(result(await bridge.answer(4)), { tools: [] }, 'nobody is signed in');
  await bridge.answer(3);
});

test('an agent that is there before the person has signed in hears it, and calls', async (t) => {
  const house = await openBridged(undefined);
  t.after(() => house.close());
  const bridge = startBridge(house.dataDir);
  bridge.say(hello());
  await house.allowNext();
  await bridge.answer(1);
  bridge.say({ method: 'notifications/initialized' });
  bridge.say({ id: 2, method: 'tools/list' });
  assert.deepEqual(result(await bridge.answer(2)), { tools: [] });
  await until(() => house.gateway.openOf('hand') === 1);
  await house.apply(bundle());
  await bridge.heard('notifications/tools/list_changed');
  bridge.say({ id: 3, method: 'tools/call', params: { name: 'one__say', arguments: {} } });
  assert.deepEqual(result(await bridge.answer(3))?.['content'], [{ type: 'text', text: 'hi' }]);
  bridge.child.stdin!.end();
  await bridge.ended();
});

test('a restart of the host is survived: with the session, and without it; a call that it broke is answered', async (t) => {
  const dataDir = folder();
  chmodSync(dataDir, 0o700);
  let house = await openBridged(bundle(), { dataDir });
  t.after(async () => {
    await house.close();
  });
  const bridge = startBridge(dataDir);
  bridge.say(hello());
  await house.allowNext();
  await bridge.answer(1);
  bridge.say({ method: 'notifications/initialized' });
  bridge.say({ id: 'broken', method: 'tools/call', params: { name: 'one__hang', arguments: {} } });
  await until(() => upstream.seen.at(-1)?.params['name'] === 'hang');

  await house.close(true);
  assert.match(await bridge.answer('broken'), /"error".*before you try again/);
  bridge.say({ id: 'alive', method: 'ping' });
  assert.deepEqual(result(await bridge.answer('alive')), {}, 'nothing is started for that');
  bridge.say({ id: 2, method: 'tools/list' });
  house = await openBridged(bundle(), { dataDir, token: 'none' });
  assert.match(await bridge.answer(2), /one__say/);
  await bridge.heard('notifications/tools/list_changed');
  assert.equal(house.authorization.pending().length, 0, 'who was allowed is allowed');

  await house.close(true);
  assert.match(readFileSync(join(dataDir, 'sessions.json'), 'utf8'), /"agent":"hand"/);
  rmSync(join(dataDir, 'sessions.json'));
  house = await openBridged(bundle(), { dataDir, token: 'none' });
  bridge.lines.length = 0;
  bridge.say({ id: 3, method: 'tools/call', params: { name: 'one__say', arguments: {} } });
  assert.deepEqual(result(await bridge.answer(3))?.['content'], [{ type: 'text', text: 'hi' }]);
  assert.ok(
    bridge.lines.every((line) => !line.includes('protocolVersion')),
    'the new beginning is silent',
  );
  bridge.child.stdin!.end();
  assert.equal(await bridge.ended(), 0);
});

test('the app is started where it is installed and has the folder, else the shell without a screen', () => {
  const machine = (platform: NodeJS.Platform, app: boolean) => ({
    env: { GATEHOUSE_DATA: '/data' },
    platform,
    exists: (file: string) => (/Gatehouse/.test(file) ? app : true),
  });
  assert.deepEqual(hostProgram('/data', machine('darwin', true)), ['/Applications/Gatehouse.app/Contents/MacOS/Gatehouse', '--hidden']);
  for (const [dir, app] of [
    ['/data', false],
    ['/other', true],
  ] as const) {
    const [command, , ...args] = hostProgram(dir, machine('linux', app))!;
    assert.equal(command, process.execPath);
    assert.deepEqual(args, ['serve', '--data', dir]);
  }
  assert.equal(hostProgram('/other', { ...machine('linux', false), exists: () => false }), undefined);
});
