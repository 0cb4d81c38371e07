import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSealedVault } from '../../electron/sealed-vault.ts';
import { silent as log } from '../../src/base/log.ts';
import { folder } from '../shell/folder.ts';

/** Stands for the system's key: `turn` is its age. */
const system = (turn: { now: number }) => ({
  seal: async (text: string) => Buffer.from(`${turn.now}:${[...text].reverse().join('')}`),
  unseal: async (bytes: Buffer) => {
    const [, age, text] = /^(\d+):(.*)$/s.exec(bytes.toString())!;
    if (Number(age) < turn.now - 1) throw new Error('lost key');
    return { text: [...text!].reverse().join(''), stale: Number(age) < turn.now };
  },
});

test('secrets outlive the process, sealed anew when the system’s key has changed', async (t) => {
  const dataDir = folder(t);
  const turn = { now: 1 };
  const open = (backend = 'gnome_libsecret') => openSealedVault({ dataDir, backend, log, ...system(turn) });
  const vault = await open();
  await Promise.all([vault.set('a', 'secret of a'), vault.set('b', 'x')]);
  await vault.delete('b');
  const file = join(dataDir, 'vault-desktop.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  turn.now = 2;
  assert.equal(await (await open()).get('a'), 'secret of a');
  turn.now = 3;
  assert.equal(await (await open()).get('a'), 'secret of a', 'it was sealed anew at turn 2');
  assert.equal(await (await open()).get('b'), undefined);
});

test('another desktop, another name, a lost key or a spoilt file: unavailable, never wrong, and never replaced', async (t) => {
  const dataDir = folder(t);
  const turn = { now: 1 };
  const unavailable = { code: 'unavailable', fix: /vault reset/ };
  const open = (backend = 'kwallet6') => openSealedVault({ dataDir, backend, log, ...system(turn) });
  await (await open()).set('a', 'secret of a');
  const elsewhere = await open('gnome_libsecret');
  await assert.rejects(elsewhere.get('a'), unavailable);
  await assert.rejects(elsewhere.set('c', 'x'), unavailable);
  assert.equal(await (await open()).get('a'), 'secret of a', 'back on its own desktop it is there');
  const file = join(dataDir, 'vault-desktop.json');
  const content = JSON.parse(readFileSync(file, 'utf8')) as { secrets: Record<string, string> };
  content.secrets.b = content.secrets.a!;
  writeFileSync(file, JSON.stringify(content));
  await assert.rejects((await open()).get('b'), unavailable);
  assert.equal(await (await open()).get('a'), 'secret of a');
  turn.now = 9;
  await assert.rejects((await open()).get('a'), unavailable);
  await assert.rejects((await open()).set('a', 'another'), unavailable);
  turn.now = 1;
  assert.equal(await (await open()).get('a'), 'secret of a', 'trouble that passes takes nothing along');
  writeFileSync(file, '{');
  await assert.rejects(open(), unavailable);
});
