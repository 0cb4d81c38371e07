import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { preferenceDomain, readManagedMacos } from '../../src/config/managed-macos.ts';
import { managedValues, resolve } from '../../src/config/resolve.ts';
import type { Run } from '../../src/config/run.ts';

const skip = process.platform === 'win32' ? 'files have no owner and mode there' : false;
const owner = process.getuid?.() ?? 0;
// As `plutil -convert json -o - FILE` prints it: one line, slashes escaped.
const printed = String.raw`{"Central":"https:\/\/gatehouse.example.com","Port":4300,"StartAtLogin":true,"BundleKey":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}`;
let directory: string;
let asked: string[][];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gatehouse-test-'));
  asked = [];
});
const run: Run = async (file, args) => {
  asked.push([file, ...args]);
  return { code: 0, stdout: printed };
};
const lay = (...path: string[]) => {
  mkdirSync(join(directory, ...path), { recursive: true });
  const file = join(directory, ...path, `${preferenceDomain}.plist`);
  writeFileSync(file, 'bplist00', { mode: 0o644 });
  return file;
};
const read = (options: Partial<Parameters<typeof readManagedMacos>[0]> = {}) =>
  readManagedMacos({ run, user: 'ann', directory, owner, ...options });

test('no file: absent, and nothing is started', { skip }, async () => {
  assert.deepEqual(await read(), { state: 'absent' });
  assert.deepEqual(asked, []);
});

test("the user's document, else the machine's, through plutil by its absolute path", { skip }, async () => {
  const machine = lay();
  assert.equal((await read()).state, 'present');
  assert.deepEqual(asked, [['/usr/bin/plutil', '-convert', 'json', '-o', '-', machine]]);
  const user = lay('ann');
  const reading = await read();
  assert.equal(asked.at(-1)?.at(-1), user);
  assert.ok(reading.state === 'present');
  const { values, unknown } = managedValues(reading.values);
  assert.deepEqual(unknown, []);
  const { central, port, startAtLogin, bundleKey } = resolve({ managed: values });
  assert.deepEqual(
    [central.value, port.value, startAtLogin.value, bundleKey.problem],
    ['https://gatehouse.example.com', 4300, true, undefined],
  );
});

test('a user name never leads out of the directory', { skip }, async () => {
  lay();
  for (const user of ['../ann', '..', '', 'a/b']) await read({ user });
  for (const call of asked) assert.equal(call.at(-1), join(directory, `${preferenceDomain}.plist`));
});

test('a file that a user could write, or that plutil cannot read, is malformed; a plutil that does not run is a failure', {
  skip,
}, async () => {
  const file = lay();
  assert.equal(
    (await read({ run: async () => ({ code: 1, stdout: `${file}: invalid object in plist for destination format\n` }) })).state,
    'malformed',
  );
  assert.equal((await read({ run: async () => ({ code: 0, stdout: '[1]' }) })).state, 'malformed');
  assert.equal((await read({ run: async () => ({ stdout: '' }) })).state, 'failed');
  assert.equal((await read({ owner: owner + 1 })).state, 'malformed');
  chmodSync(file, 0o666);
  assert.equal((await read()).state, 'malformed');
});
