import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { ask, watch } from '../../src/shell/control-client.ts';
import { holderOf } from '../../src/shell/lock.ts';
import { entry, gatehouse } from '../cli/command.ts';
import { folder } from '../shell/folder.ts';

interface Ready {
  ready: boolean;
  mcp: string;
  ui: string;
  central: string;
  issuer: string;
  dataDir: string;
}

async function demo(
  t: TestContext,
  dataDir: string,
  ...args: string[]
): Promise<{ child: ChildProcess; exit: Promise<unknown[]>; ready: Ready }> {
  const child = spawn(process.execPath, [entry, 'demo', '--json', '--no-open', '--port', '0', '--data', dataDir, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'close');
  t.after(async () => {
    child.kill('SIGTERM');
    await exit;
  });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    text(child.stderr).then((err) => assert.fail(err)),
  ])) as [string];
  return { child, exit, ready: JSON.parse(line) as Ready };
}

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((done) => setTimeout(done, 20));
};

test('the demo company runs, signs in, comes back after kill -9 of its host, and ends whole', async (t) => {
  const dataDir = folder(t);
  const { child, exit, ready } = await demo(t, dataDir, '--sign-in', 'engineer');
  assert.deepEqual(Object.keys(ready), ['ready', 'mcp', 'ui', 'central', 'issuer', 'dataDir']);
  assert.match(ready.ui, /^http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/);
  const view = await ask(dataDir, 'status', {});
  assert.deepEqual([view.identity.state, view.identity.person?.sub, view.bundle.state], ['signed-in', 'engineer', 'fresh']);
  assert.ok(!view.servers.some((server) => server.id === 'payroll'), 'an engineer does not see payroll');

  const second = await gatehouse(['demo', '--json', '--no-open', '--port', '0', '--data', dataDir]);
  assert.deepEqual([second.code, second.out], [8, '']);
  assert.match(second.err, new RegExp(`held by process ${child.pid} `));

  const host = holderOf(dataDir, 'control')!.pid;
  process.kill(host, 'SIGKILL');
  await until(() => (holderOf(dataDir, 'control')?.pid ?? host) !== host);
  await until(() => existsSync(join(dataDir, 'control.sock')));
  for (;;) {
    // The new host holds the folder before it can answer.
    const back = await ask(dataDir, 'status', {}).catch(() => undefined);
    if (back?.gateway.url !== undefined) {
      assert.equal(back.gateway.url, ready.mcp);
      break;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  await watch(dataDir, ({ identity, bundle }) => identity.state !== 'signed-in' || bundle.state !== 'fresh');
  assert.equal((await gatehouse(['ledger', 'verify', '--json', '--data', dataDir])).code, 0);

  const again = holderOf(dataDir, 'control')!.pid;
  child.kill('SIGINT');
  assert.deepEqual(await exit, [130, null]);
  assert.ok(!alive(again));
  await assert.rejects(fetch(ready.central));
  await assert.rejects(fetch(ready.issuer));
});

test('kill -9 of the supervisor leaves no host, and --reset begins anew', { skip: process.platform === 'win32' }, async (t) => {
  const dataDir = folder(t);
  const first = await demo(t, dataDir);
  const host = holderOf(dataDir, 'control')!.pid;
  const readme = join(dataDir, 'files', 'README.md');
  const original = readFileSync(readme, 'utf8');
  writeFileSync(readme, 'changed');
  first.child.kill('SIGKILL');
  await first.exit;
  await until(() => !alive(host));
  await demo(t, dataDir, '--reset');
  assert.equal(readFileSync(readme, 'utf8'), original);
});

test('an account that there is not, and a company that there is not', async (t) => {
  const wrong = await gatehouse(['demo', '--json', '--no-open', '--port', '0', '--data', folder(t), '--sign-in', 'nobody']);
  assert.deepEqual([wrong.code, wrong.out], [6, '']);
  assert.match(wrong.err, /engineer/);
  const absent = await gatehouse(['demo', '--no-open', '--port', '0', '--data', folder(t), '--company', folder(t)]);
  assert.deepEqual([absent.code, absent.out], [6, '']);
});
