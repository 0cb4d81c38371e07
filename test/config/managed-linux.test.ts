import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { afterRead, type Managed, openManaged } from '../../src/config/managed.ts';
import { readManagedLinux } from '../../src/config/managed-linux.ts';

const skip = process.platform === 'win32' ? 'files have no owner and mode there' : false;
// The tests' own user plays root.
const owner = process.getuid?.() ?? 0;
let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gatehouse-test-'));
  file = join(dir, 'managed.json');
});
const write = (text: string, mode = 0o644) => {
  writeFileSync(file, text);
  chmodSync(file, mode);
};
const read = (options: Parameters<typeof readManagedLinux>[0] = {}) => readManagedLinux({ files: [file], owner, ...options });

test('reads a document that only root can have written', { skip }, async () => {
  write('{"Central":"https://gatehouse.example.com"}');
  assert.deepEqual(await read(), { state: 'present', where: file, values: { Central: 'https://gatehouse.example.com' } });
});

test('the first place that has one counts, as a whole', { skip }, async () => {
  assert.deepEqual(await read(), { state: 'absent' });
  write('{"Port":1}');
  const host = join(dir, 'host');
  mkdirSync(host, { mode: 0o755 });
  assert.equal((await read({ files: [join(host, 'managed.json'), join(file, 'x'), file] })).state, 'present');
});

test('what another user could have written is no policy, and is said', { skip }, async () => {
  const refused = async (why: RegExp, options = {}) => {
    const reading = await read(options);
    assert.equal(reading.state, 'malformed');
    assert.match(reading.state === 'malformed' ? reading.problem : '', why);
  };
  write('{}', 0o664);
  await refused(/written to/);
  write('{}');
  await refused(/belong to root/, { owner: owner + 1 });
  chmodSync(dir, 0o777);
  await refused(/written to/);
  chmodSync(dir, 0o700);
  renameSync(file, join(dir, 'real.json'));
  symlinkSync(join(dir, 'real.json'), file);
  await refused(/symbolic link/);
  rmSync(file);
  mkdirSync(file);
  await refused(/plain file/);
  rmSync(file, { recursive: true });
  execFileSync('sh', ['-c', 'mkfifo "$0"', file]);
  await refused(/plain file/);
});

test('rubbish and too much are malformed', { skip }, async () => {
  for (const text of ['', '[]', 'null', '"x"', '{"Port":', `{"x":"${'x'.repeat(1024 * 1024)}"}`]) {
    write(text);
    assert.equal((await read()).state, 'malformed', text.slice(0, 20));
  }
});

test('only an absent document clears what was known: what cannot be read or understood leaves it in force and is shown', () => {
  const current: Managed = { values: { Port: 1 }, where: 'x' };
  assert.deepEqual(afterRead(current, { state: 'failed', where: 'x', problem: 'EIO' }), {
    values: { Port: 1 },
    where: 'x',
    problem: 'EIO',
  });
  assert.deepEqual(afterRead(current, { state: 'absent' }), { values: {} });
  assert.deepEqual(afterRead(current, { state: 'malformed', where: 'x', problem: 'no JSON' }), {
    values: { Port: 1 },
    where: 'x',
    problem: 'no JSON',
  });
  assert.deepEqual(afterRead(current, { state: 'present', where: 'y', values: { Port: 2 } }), { values: { Port: 2 }, where: 'y' });
});

test('a change of the file is followed, also one by renaming over it', { skip }, async (t) => {
  write('{"Port":1}');
  const seen: unknown[] = [];
  const waiting: { port: unknown; resolve: () => void }[] = [];
  const managed = await openManaged({
    read,
    directory: dir,
    changed: ({ values }) => {
      seen.push(values['Port']);
      for (const waiter of waiting) if (waiter.port === values['Port']) waiter.resolve();
    },
    log: silent,
  });
  t.after(() => managed.close());
  const saw = (port: unknown) =>
    new Promise<void>((resolve) => {
      waiting.push({ port, resolve });
      if (seen.at(-1) === port) resolve();
    });
  assert.deepEqual(managed.current().values, { Port: 1 });
  writeFileSync(join(dir, 'next.json'), '{"Port":2}', { mode: 0o644 });
  renameSync(join(dir, 'next.json'), file);
  await saw(2);
  rmSync(file);
  await saw(undefined);
  assert.deepEqual(managed.current(), { values: {} });
  write('{"Port":3}');
  await saw(3);
  const told = seen.length;
  await managed.refresh();
  assert.equal(seen.length, told, 'the same is not told twice');
});

test('a directory that comes later is watched from the next turn of the clock on', { skip }, async (t) => {
  const late = join(dir, 'gatehouse');
  const discovered = new Promise<Managed>((resolve) => {
    void openManaged({
      read: () => read({ files: [join(late, 'managed.json')] }),
      directory: late,
      everyMs: 10,
      changed: resolve,
      log: silent,
    }).then((managed) => {
      t.after(() => managed.close());
      mkdirSync(late, { mode: 0o755 });
      writeFileSync(join(late, 'next'), '{"Port":7}', { mode: 0o644 });
      renameSync(join(late, 'next'), join(late, 'managed.json'));
    });
  });
  assert.deepEqual((await discovered).values, { Port: 7 });
});
