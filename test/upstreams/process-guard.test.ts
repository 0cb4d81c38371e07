import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Log } from '../../src/base/log.ts';
import { openProcessGuard } from '../../src/upstreams/local/process-guard.ts';
import { until } from '../support/upstreams/open.ts';

function watched() {
  const said: string[] = [];
  const note = (level: string) => (_details: unknown, text?: string) => void said.push(`${level}: ${text}`);
  return { said, log: { warn: note('warn'), error: note('error'), info() {}, debug() {} } as unknown as Log };
}

/** A watchdog that ends at once, as where the system refuses to run it. */
function dying(started: number[]): () => ChildProcess {
  return () => {
    started.push(Date.now());
    return spawn(process.execPath, ['-e', ''], { stdio: ['pipe', 'ignore', 'ignore'] });
  };
}

test('a watchdog that keeps ending is started again with growing pauses, and not for ever', async () => {
  const started: number[] = [];
  const { said, log } = watched();
  const processGuard = openProcessGuard(log, dying(started), 20);
  processGuard.ready();
  processGuard.hold(process.pid);
  await until(() => said.some((line) => line.startsWith('error:')));
  assert.equal(started.length, 6, 'once, and five times more');
  assert.ok(started[5]! - started[4]! >= 20 * 2 ** 4, 'the pause has grown');
  await new Promise((done) => setTimeout(done, 200));
  assert.equal(started.length, 6, 'and then no more by itself');
  processGuard.ready();
  assert.equal(started.length, 7, 'one chance with the next server');
  await until(() => said.filter((line) => line.startsWith('error:')).length === 2);
  assert.equal(started.length, 7);
  processGuard.close();
});

test('without a server to watch, a watchdog that ended is not replaced until there is one', async () => {
  const started: number[] = [];
  const { said, log } = watched();
  const processGuard = openProcessGuard(log, dying(started), 20);
  processGuard.ready();
  await until(() => said.length === 1);
  await new Promise((done) => setTimeout(done, 100));
  assert.equal(started.length, 1);
  processGuard.close();
});

test('a closed process guard starts nothing, also not after a pause that was under way', async () => {
  const started: number[] = [];
  const children: ChildProcess[] = [];
  const { log } = watched();
  const launch = dying(started);
  const processGuard = openProcessGuard(
    log,
    () => {
      const child = launch();
      children.push(child);
      return child;
    },
    300,
  );
  processGuard.ready();
  processGuard.hold(process.pid);
  await until(() => children.length === 2);
  await once(children[1]!, 'exit');
  processGuard.close();
  await new Promise((done) => setTimeout(done, 800));
  assert.equal(started.length, 2);
});
