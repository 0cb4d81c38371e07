import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openSettings } from '../../src/shell/settings.ts';
import { folder } from './folder.ts';

test('settings outlive the process, keys with dots are plain keys, the file is the user’s alone', (t) => {
  const dir = folder(t);
  const settings = openSettings(dir, silent);
  settings.set('window.theme', { dark: true });
  settings.set('gone', 1);
  settings.delete('gone');
  const again = openSettings(dir, silent);
  assert.deepEqual(again.get('window.theme'), { dark: true });
  assert.equal(again.get('gone'), undefined);
  assert.equal(statSync(join(dir, 'settings.json')).mode & 0o777, 0o600);
});

test('a spoilt file is kept beside and a fresh one begun', (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'settings.json'), '{"port": 42');
  const settings = openSettings(dir, silent);
  assert.equal(settings.get('port'), undefined);
  settings.set('port', 1);
  const kept = readdirSync(dir).find((name) => name.startsWith('settings.corrupt-'));
  assert.equal(readFileSync(join(dir, kept!), 'utf8'), '{"port": 42');
  assert.equal(openSettings(dir, silent).get('port'), 1);
});

test('a file spoilt while we run does not reach who reads', (t) => {
  const dir = folder(t);
  const settings = openSettings(dir, silent);
  settings.set('port', 1);
  writeFileSync(join(dir, 'settings.json'), 'nonsense');
  assert.equal(settings.get('port'), 1);
});
