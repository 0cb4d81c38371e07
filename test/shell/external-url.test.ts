import assert from 'node:assert/strict';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { externalUrl } from '../../src/shell/external-url.ts';
import { proxyFromEnv } from '../../src/shell/network.ts';
import { openExternal, openerFor, openWindow } from '../../src/shell/open-external.ts';
import { folder } from './folder.ts';

test('https and http on loopback may leave for the browser, re-serialised', () => {
  assert.equal(externalUrl('HTTPS://idp.example.com/a b'), 'https://idp.example.com/a%20b');
  assert.equal(externalUrl('http://127.0.0.1:4286/auth?x=1&y=2'), 'http://127.0.0.1:4286/auth?x=1&y=2');
  assert.equal(externalUrl('http://[::1]:1/'), 'http://[::1]:1/');
});

test('nothing else may', () => {
  for (const text of [
    'http://example.com/',
    'http://127.0.0.1.example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'ms-msdt:/id',
    'gatehouse://open',
    'https://user:secret@example.com/',
    '--help',
    '',
  ])
    assert.throws(() => externalUrl(text), { code: 'bad-input' }, text);
});

test('the opener is argv, and none where there is no display', async () => {
  assert.deepEqual(openerFor('win32', { SystemRoot: 'C:\\Windows' })?.slice(1), ['url.dll,FileProtocolHandler']);
  assert.equal(openerFor('linux', {}), undefined);
  assert.deepEqual(openerFor('linux', { DISPLAY: ':0' }), ['xdg-open']);
  if (process.platform === 'linux') await assert.rejects(openExternal('https://example.com/', {}), { code: 'unavailable' });
});

test('the launch token stands in no argument that other users could read', { skip: process.platform !== 'linux' }, async (t) => {
  const dir = folder(t);
  const seen = join(dir, 'seen');
  writeFileSync(join(dir, 'xdg-open'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${seen}'\n`, { mode: 0o755 });
  const other = join(dir, 'other');
  writeFileSync(other, 'untouched', { mode: 0o644 });
  symlinkSync(other, join(dir, 'open.html'));
  const env = { PATH: `${dir}:${process.env['PATH']}`, DISPLAY: ':0' };
  await openWindow(dir, 'http://127.0.0.1:4284/#token=SECRET', env);
  const page = join(dir, 'open.html');
  assert.equal(readFileSync(seen, 'utf8'), `file://${page}\n`);
  assert.equal(statSync(page).mode & 0o777, 0o600);
  assert.match(readFileSync(page, 'utf8'), /content="0;url=http:\/\/127\.0\.0\.1:4284\/#token=SECRET"/);
  assert.equal(readFileSync(other, 'utf8'), 'untouched');
});

test('loopback never goes through the proxy of the environment', () => {
  assert.equal(proxyFromEnv({}), undefined);
  assert.deepEqual(proxyFromEnv({ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '.corp' }), {
    HTTPS_PROXY: 'http://proxy:3128',
    NO_PROXY: '.corp,localhost,127.0.0.1,::1',
  });
});
