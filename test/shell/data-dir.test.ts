import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultDataDir, openPrivateDir } from '../../src/shell/data-dir.ts';
import { folder } from './folder.ts';

test('the default folder is the platform’s own, unless GATEHOUSE_DATA names another', () => {
  assert.equal(defaultDataDir({}, 'linux', '/home/ada'), '/home/ada/.local/share/gatehouse');
  assert.equal(defaultDataDir({ XDG_DATA_HOME: '/data' }, 'linux', '/home/ada'), '/data/gatehouse');
  assert.equal(defaultDataDir({ XDG_DATA_HOME: 'relative' }, 'linux', '/home/ada'), '/home/ada/.local/share/gatehouse');
  assert.equal(defaultDataDir({}, 'darwin', '/Users/ada'), '/Users/ada/Library/Application Support/Gatehouse');
  assert.equal(defaultDataDir({ GATEHOUSE_DATA: '/elsewhere' }, 'linux', '/home/ada'), '/elsewhere');
});

test('a folder is made for the user alone, and one that others may read is closed to them', (t) => {
  const made = openPrivateDir(join(folder(t), 'a', 'b'));
  assert.equal(statSync(made).mode & 0o777, 0o700);
  const readable = join(folder(t), 'c');
  mkdirSync(readable, { mode: 0o755 });
  chmodSync(readable, 0o755);
  openPrivateDir(readable);
  assert.equal(statSync(readable).mode & 0o777, 0o700);
});

test('a folder that others may write to is refused, and so is a file', (t) => {
  const open = join(folder(t), 'open');
  mkdirSync(open);
  chmodSync(open, 0o777);
  assert.throws(() => openPrivateDir(open), { code: 'conflict', message: /may be written to by other users/ });
  const file = join(folder(t), 'file');
  writeFileSync(file, '');
  assert.throws(() => openPrivateDir(file), { code: 'bad-input' });
});

test('a folder of another user is refused', { skip: process.getuid?.() !== 0 ? 'only root can give a folder away' : false }, async (t) => {
  const { chownSync } = await import('node:fs');
  const theirs = join(folder(t), 'theirs');
  mkdirSync(theirs, { mode: 0o700 });
  chownSync(theirs, 12345, 12345);
  assert.throws(() => openPrivateDir(theirs), { code: 'conflict', message: /belongs to another user/ });
});

test('a link that another user laid is refused, wherever it leads', {
  skip: process.getuid?.() !== 0 ? 'only root can give a link away' : false,
}, async (t) => {
  const { lchownSync, symlinkSync } = await import('node:fs');
  const ours = openPrivateDir(join(folder(t), 'ours'));
  const link = join(folder(t), 'link');
  symlinkSync(ours, link);
  assert.equal(openPrivateDir(link), link, 'our own may lead elsewhere');
  lchownSync(link, 12345, 12345);
  assert.throws(() => openPrivateDir(link), { code: 'conflict', message: /belongs to another user/ });
});
