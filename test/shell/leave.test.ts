import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { test } from 'node:test';

/** A program that leaves in order; `close` prints and, with `stuck`, never ends. */
function program(options: string, close = "process.stdout.write('closed');", before = '', after = '') {
  const script = `
    import { leaveInOrder } from ${JSON.stringify(new URL('../../src/shell/leave.ts', import.meta.url).href)};
    ${before}
    leaveInOrder(async () => { ${close} }, ${options});
    ${after}
    setInterval(() => {}, 1000);
    process.stdout.write('ready');`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
  }) as ChildProcessByStdio<Writable, Readable, null>;
  // Not `close`: with an IPC channel that we closed ourselves it never comes.
  const exit = Promise.all([once(child, 'exit'), once(child.stdout, 'end')]).then(([how]) => how as [number | null, NodeJS.Signals | null]);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return {
    child,
    ready: once(child.stdout, 'data'),
    exit,
    said: () => said,
  };
}

test('SIGTERM closes in order, then ends', { skip: process.platform === 'win32' }, async () => {
  const { child, ready, exit, said } = program('{}');
  await ready;
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [143, null]);
  assert.equal(said(), 'readyclosed');
});

test('a library that sends the signal once more does not cut the closing short', { skip: process.platform === 'win32' }, async () => {
  const again = "process.once('SIGTERM', () => process.kill(process.pid, 'SIGTERM'));";
  const slow = "await new Promise((done) => setTimeout(done, 50)); process.stdout.write('closed');";
  for (const { child, ready, exit, said } of [program('{}', slow, again), program('{}', slow, '', again)]) {
    await ready;
    child.kill('SIGTERM');
    assert.deepEqual(await exit, [143, null]);
    assert.equal(said(), 'readyclosed');
  }
});

test('a second signal does not wait', { skip: process.platform === 'win32' }, async () => {
  const { child, ready, exit } = program('{ patience: 60_000 }', "process.stdout.write('closing'); await new Promise(() => {});");
  await ready;
  child.kill('SIGINT');
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  assert.deepEqual(await exit, [130, null]);
});

test('closing that hangs is cut short', { skip: process.platform === 'win32' }, async () => {
  const { child, ready, exit } = program('{ patience: 50 }', 'await new Promise(() => {});');
  await ready;
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [1, null]);
});

test('it ends with its parent’s pipe', async () => {
  const { child, ready, exit, said } = program("{ parent: 'pipe' }");
  await ready;
  child.stdin.end();
  assert.deepEqual(await exit, [0, null]);
  assert.equal(said(), 'readyclosed');
});

test('it ends with its parent’s IPC channel', async () => {
  const { child, ready, exit, said } = program("{ parent: 'ipc' }");
  await ready;
  child.disconnect();
  assert.deepEqual(await exit, [0, null]);
  assert.equal(said(), 'readyclosed');
});
