import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { UpstreamLimits } from '../../src/upstreams/connection/link.ts';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';

const program = join(import.meta.dirname, '../support/upstreams/stdio-server.ts');

function start(t: TestContext, limits: Partial<UpstreamLimits>, more: { env?: Record<string, string>; timeoutMs?: number } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-life-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'trace');
  const server = entry({
    timeoutMs: more.timeoutMs ?? 60_000,
    launch: { command: 'node', args: [program], env: { TRACE: file, ...more.env } },
  });
  let now = 0;
  const trace = () => (existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []);
  return {
    ...open(t, server, limits, { now: () => now }),
    later: (by = 61_000) => {
      now += by;
    },
    trace,
    starts: () => trace().filter((line) => line.startsWith('start')),
  };
}
const alive = (line: string) => {
  try {
    return process.kill(Number(line.split(' ')[1]), 0);
  } catch {
    return false;
  }
};

test('a process that nobody uses is ended, and the next call starts it again without asking for its era', async (t) => {
  const { upstream, starts, statuses, trace } = start(t, { idleMs: 150 });
  await upstream.call(tool('echo'));
  await until(() => upstream.status().state === 'idle');
  assert.equal(statuses.at(-1)!.state, 'idle');
  assert.equal(upstream.status().error, undefined);
  await until(() => !alive(starts()[0]!));
  assert.match(text(await upstream.call(tool('echo'))), /echo/);
  assert.equal(starts().length, 2);
  assert.equal(trace().filter((line) => line === 'server/discover').length, 1);
});

test('calls and subscriptions keep a process', async (t) => {
  const { upstream, starts } = start(t, { idleMs: 100 });
  const stop = new AbortController();
  const long = upstream.call(tool('hang', {}, { signal: stop.signal }));
  const release = await upstream.subscribe('a://1', peer());
  const idle = () => new Promise((resolve) => setTimeout(resolve, 300));
  await idle();
  assert.equal(upstream.status().state, 'connected');
  stop.abort();
  await assert.rejects(long);
  await idle();
  assert.equal(upstream.status().state, 'connected');
  release();
  await until(() => upstream.status().state === 'idle');
  assert.equal(starts().length, 1);
});

test('a process that answers nothing any more is replaced', async (t) => {
  const { upstream, starts, later } = start(t, {}, { timeoutMs: 100 });
  for (let call = 1; call <= 5; call++) await assert.rejects(upstream.call(tool('hang')), { problem: 'timed-out' });
  assert.equal(upstream.status().state, 'backing-off');
  assert.match(upstream.status().error!, /5 calls in a row failed, the last with: no answer/);
  later();
  assert.match(text(await upstream.call(tool('echo', {}, { timeoutMs: 20_000 }))), /echo/);
  assert.equal(starts().length, 2);
  await until(() => !alive(starts()[0]!));
});

test('one tool may have more time than the others of its server', async (t) => {
  const server = entry({
    timeoutMs: 100,
    launch: { command: 'node', args: [program], env: {} },
    catalogue: { tools: [{ name: 'hang' }, { name: 'echo' }] },
    tools: { hang: { readOnly: true, destructive: false, openWorld: false, tags: [], timeoutMs: 200 } },
  });
  const { upstream } = open(t, server);
  await assert.rejects(upstream.call(tool('hang')), { problem: 'timed-out', message: /0\.2 s/ });
  await assert.rejects(upstream.call(tool('hang', {}, { timeoutMs: 150 })), { problem: 'timed-out', message: /0\.15 s/ });
  await assert.rejects(upstream.call({ ...tool('x'), method: 'resources/read', params: { uri: 'a://1' } }), { message: /0\.1 s/ });
});

test('a server that lives and says nothing is shown with what it wrote for people', async (t) => {
  const silent = 'console.error("waiting for a licence key"); setInterval(() => {}, 1000)';
  const server = entry({ launch: { command: 'node', args: ['-e', silent], env: {} } });
  const { upstream } = open(t, server, { connectMs: 600, probeMs: 100 });
  await assert.rejects(upstream.call(tool('x')), { problem: 'unreachable', message: /no .*; it wrote: waiting for a licence key/ });
  assert.match(upstream.status().error!, /licence key/);
});

test('what has to be downloaded may take its time: calls are told so, the start goes on, later calls find it', {
  skip: process.platform === 'win32',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-npx-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'npx'),
    `#!/bin/sh\nwhile [ ! -e '${folder}/downloaded' ]; do sleep 0.05; done\nexec '${process.execPath}' '${program}'\n`,
  );
  chmodSync(join(folder, 'npx'), 0o755);
  const server = entry({ launch: { command: join(folder, 'npx'), args: [], env: {} } });
  const { upstream } = open(t, server, { connectMs: 100, downloadMs: 20_000, patienceMs: 300, probeMs: 100 });
  await assert.rejects(upstream.call(tool('echo')), { problem: 'unreachable', message: /still being downloaded/ });
  assert.deepEqual(upstream.status(), { state: 'connecting', note: 'it may have to be downloaded first, which can take minutes' });
  await assert.rejects(upstream.call(tool('echo')), /still being downloaded/);
  writeFileSync(join(folder, 'downloaded'), '');
  await until(() => upstream.status().state === 'connected');
  assert.match(text(await upstream.call(tool('echo'))), /echo/);
});
