import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent as log } from '../../src/base/log.ts';
import { openControl } from '../../src/shell/control.ts';
import { ask, askWindow, watch } from '../../src/shell/control-client.ts';
import { controlPath } from '../../src/shell/control-path.ts';
import { splitLines } from '../../src/shell/lines.ts';
import { holderOf, takeLock } from '../../src/shell/lock.ts';
import { type SmallCore, smallCore } from '../headless/small-core.ts';
import { folder } from './folder.ts';

async function open(t: TestContext, core: SmallCore = smallCore()) {
  const dataDir = folder(t);
  const control = await openControl({ dataDir, log });
  t.after(() => control.close());
  control.attach(core, { 'window-open': async () => ({ url: 'http://127.0.0.1:1/#token=x' }) });
  return { dataDir, control, core };
}

test('commands go through, errors come back as the Failure they were', async (t) => {
  const { dataDir } = await open(t);
  assert.equal((await ask(dataDir, 'status', {})).identity.state, 'signed-out');
  await assert.rejects(ask(dataDir, 'ledger-verify', {}), { name: 'Failure', code: 'not-found', fix: 'Ask another.' });
  assert.match((await askWindow(dataDir)).url!, /#token=/);
});

test('only the user can reach the socket', { skip: process.platform === 'win32' }, async (t) => {
  const { dataDir } = await open(t);
  const socket = holderOf(dataDir, 'control')!.socket!;
  assert.equal(socket, join(dataDir, 'control.sock'));
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.equal(statSync(dataDir).mode & 0o777, 0o700);
  assert.equal(statSync(join(dataDir, 'control.json')).mode & 0o777, 0o600);
});

test('a second host is told who holds the folder; once that has closed, the folder is free', async (t) => {
  const { dataDir, control } = await open(t);
  await assert.rejects(openControl({ dataDir, log }), {
    code: 'conflict',
    message: new RegExp(`held by process ${process.pid} \\(started \\d{4}-`),
    fix: /--data DIR/,
  });
  const waiting = openControl({ dataDir, log, waitMs: 10_000 });
  await control.close();
  await (await waiting).close();
});

test('a host killed with kill -9 leaves nothing that is in the way', async (t) => {
  const dataDir = folder(t);
  const script = `
    import { openControl } from ${JSON.stringify(new URL('../../src/shell/control.ts', import.meta.url).href)};
    await openControl({ dataDir: ${JSON.stringify(dataDir)}, log: { debug() {}, info() {}, warn() {}, error() {} } });
    process.stdout.write('held');`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await assert.rejects(openControl({ dataDir, log }), { code: 'conflict', message: new RegExp(String(child.pid)) });
  await assert.rejects(ask(dataDir, 'status', {}), { code: 'not-running', message: /still starting/ });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await assert.rejects(ask(dataDir, 'status', {}), { code: 'not-running', fix: /gatehouse serve/ });
  const control = await openControl({ dataDir, log });
  control.attach(smallCore(), { 'window-open': async () => ({}) });
  assert.equal((await ask(dataDir, 'status', {})).app.name, 'Gatehouse');
  await control.close();
});

test('of many that start at once, one gets the folder', async (t) => {
  const dataDir = folder(t);
  const tries = await Promise.allSettled(Array.from({ length: 10 }, () => takeLock(dataDir, 'control')));
  const held = tries.filter((attempt) => attempt.status === 'fulfilled');
  assert.equal(held.length, 1);
  for (const attempt of held) attempt.value.close();
});

test('a folder with a long name has its socket under a hash in a private folder', { skip: process.platform === 'win32' }, async (t) => {
  const dataDir = join(folder(t), 'x'.repeat(60), 'y'.repeat(60));
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = controlPath(dataDir, {});
  assert.ok(Buffer.byteLength(path) <= 100);
  assert.equal(controlPath(dataDir, {}), path);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  const control = await openControl({ dataDir, log });
  control.attach(smallCore(), { 'window-open': async () => ({}) });
  assert.equal((await ask(dataDir, 'status', {})).app.name, 'Gatehouse');
  await control.close();
});

test('a watcher sees each state it is meant to see and can stop', async (t) => {
  const { dataDir, core } = await open(t);
  const states: string[] = [];
  await watch(dataDir, (view) => {
    states.push(view.identity.state);
    if (view.identity.state === 'signed-out') core.show({ identity: { state: 'signed-in' } });
    return view.identity.state !== 'signed-in';
  });
  assert.deepEqual(states, ['signed-out', 'signed-in']);
  while (core.watchers > 0) await new Promise((done) => setTimeout(done, 5));
});

test('rubbish on the socket is answered or cut off, and the host lives on', async (t) => {
  const { dataDir } = await open(t);
  const { socket: path } = holderOf(dataDir, 'control')!;
  const say = async (text: string) => {
    const socket = connect(path!);
    socket.write(text);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return JSON.parse(answer.toString()) as { error: { code: string } };
  };
  assert.equal((await say('nonsense\n')).error.code, 'bad-input');
  assert.equal((await say('null\n')).error.code, 'bad-input');
  assert.equal((await say('{"command":1}\n')).error.code, 'bad-input');
  const endless = connect(path!);
  const cut = new Promise((done) => endless.on('error', () => {}).on('close', done));
  endless.write('x'.repeat(9 * 1024 * 1024));
  await cut;
  assert.equal((await ask(dataDir, 'status', {})).app.name, 'Gatehouse');
});

test('lines come whole, whatever the pieces', () => {
  const lines: string[] = [];
  const feed = splitLines(1000, (line) => lines.push(line), assert.fail);
  const bytes = Buffer.from('{"a":"é"}\n\n{"b":1}\n{"c"');
  for (const byte of bytes) feed(Buffer.from([byte]));
  feed(Buffer.from(':2}\n'));
  assert.deepEqual(lines, ['{"a":"é"}', '{"b":1}', '{"c":2}']);
});
