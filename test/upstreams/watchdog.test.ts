import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../support/upstreams/open.ts';

const host = fileURLToPath(new URL('../support/upstreams/host.ts', import.meta.url));
const program = fileURLToPath(new URL('../support/upstreams/stdio-server.ts', import.meta.url));

/** A host with two local servers; both ignore SIGTERM and the end of their input, and have a child of their own that does so too. */
async function start(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-watchdog-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'trace');
  const env = { TRACE: file, IGNORE_SIGTERM: '1', GRANDCHILD: '1', STAY: '1' };
  const entries = ['one', 'two'].map((id) => ({ id, launch: { command: 'node', args: [program], env } }));
  const child = fork(host, [JSON.stringify(entries)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'message');
  const pids = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => /^(start|grandchild) /.test(line))
    .map((line) => Number(line.split(' ')[1]));
  return { child, pids };
}

/** The watchdog of this host: a child of it, as long as it lives. */
function watchdogOf(child: ChildProcess): number {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  const row = rows.find((row) => Number(row.trim().split(/\s+/)[1]) === child.pid && row.includes('watchdog'));
  return Number(row?.trim().split(/\s+/)[0]);
}

function running(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const skip = process.platform === 'win32' ? 'there are no process groups on Windows' : false;

test('kill -9 of the host leaves nothing of what it started, and no watchdog', { skip }, async (t) => {
  const { child, pids } = await start(t);
  const watchdog = watchdogOf(child);
  assert.equal(pids.length, 4);
  assert.ok([...pids, watchdog].every(running));
  child.kill('SIGKILL');
  await until(() => ![...pids, watchdog].some(running));
});

test('a watchdog that was ended is replaced, and the new one knows the servers of the old', { skip }, async (t) => {
  const { child, pids } = await start(t);
  const first = watchdogOf(child);
  process.kill(first, 'SIGKILL');
  const second = await until(() => {
    const pid = watchdogOf(child);
    return pid !== first && running(pid) && pid;
  });
  // It must have read what it was told before it can act on it; it reads in order, so its end says that it did.
  child.kill('SIGKILL');
  await until(() => ![...pids, second].some(running));
});

test('a host that closes in order leaves nothing either', { skip }, async (t) => {
  const { child, pids } = await start(t);
  const watchdog = watchdogOf(child);
  child.send('close');
  await once(child, 'exit');
  await until(() => ![...pids, watchdog].some(running));
});
