import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { folder } from '../shell/folder.ts';
import { entry, gatehouse } from './command.ts';

async function serve(t: TestContext, dataDir: string, ...args: string[]) {
  const child = spawn(process.execPath, [entry, 'serve', '--json', '--data', dataDir, '--port', '0', '--ui-port', '0', ...args], {
    env: { ...process.env, GATEHOUSE_VAULT: 'memory', GATEHOUSE_LAUNCH_TOKEN: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const exit = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    text(child.stderr).then((err) => assert.fail(err)),
  ])) as [string];
  return { child, exit, ready: JSON.parse(line) as { ready: boolean; mcp: string; ui: string | null; dataDir: string; pid: number } };
}

test('serve says when it is ready, is found by the verbs, and leaves in order', async (t) => {
  const dataDir = folder(t);
  const { child, exit, ready } = await serve(t, dataDir);
  assert.deepEqual(Object.keys(ready), ['ready', 'mcp', 'ui', 'dataDir', 'pid']);
  assert.deepEqual([ready.ready, ready.dataDir, ready.pid], [true, dataDir, child.pid]);
  assert.equal((await fetch(ready.mcp, { method: 'POST' })).status, 401);
  assert.equal((await fetch(ready.ui!)).status, 200);

  const added = await gatehouse(['agents', 'add', 'one', '--json', '--data', dataDir]);
  assert.deepEqual(Object.keys(JSON.parse(added.out) as object), ['name', 'token', 'url']);
  assert.equal((JSON.parse(added.out) as { url: string }).url, ready.mcp);
  assert.equal((await gatehouse(['agents', 'add', 'one', '--data', dataDir])).code, 8);
  // A machine without keychain and company: nothing outside of the ledger's folder can vouch for it.
  const verified = await gatehouse(['ledger', 'verify', '--json', '--data', dataDir]);
  assert.deepEqual([verified.code, (JSON.parse(verified.out) as { ok: boolean; records: number }).records], [7, 0]);
  assert.equal((await gatehouse(['agents', 'revoke', 'nobody', '--data', dataDir])).code, 6);
  const login = await gatehouse(['login', '--data', dataDir]);
  assert.deepEqual([login.code, login.out], [7, '']);
  assert.match(login.err, /--central/);

  const second = await gatehouse(['serve', '--data', dataDir, '--port', '0', '--ui-port', '0', '--json']);
  assert.deepEqual([second.code, second.out], [8, '']);
  assert.match((JSON.parse(second.err) as { error: { message: string } }).error.message, new RegExp(`held by process ${child.pid} `));

  child.kill('SIGTERM');
  assert.deepEqual(await exit, process.platform === 'win32' ? [null, 'SIGTERM'] : [143, null]);
  assert.equal((await gatehouse(['status', '--data', dataDir])).code, 3);
});

test('a host ends with the pipe of its parent, and comes without a window where that is wanted', async (t) => {
  const { child, exit, ready } = await serve(t, folder(t), '--parent-pipe', '--no-ui');
  assert.equal(ready.ui, null);
  assert.equal((await gatehouse(['open', '--data', ready.dataDir])).code, 7);
  child.stdin.end();
  assert.deepEqual(await exit, [0, null]);
});

test('a taken port is a clear error that names port and option', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  for (const [flag, other] of [
    ['--port', '--ui-port'],
    ['--ui-port', '--port'],
  ] as const) {
    const { code, out, err } = await gatehouse(['serve', '--data', folder(t), flag, String(port), other, '0'], {
      env: { GATEHOUSE_VAULT: 'memory' },
    });
    assert.deepEqual([code, out], [8, ''], err);
    assert.ok(err.includes(String(port)) && err.includes(flag), err);
  }
});
