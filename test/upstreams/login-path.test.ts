import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openLoginPath } from '../../src/upstreams/local/login-path.ts';
import { entry, open, text, tool } from '../support/upstreams/open.ts';

/** A home as nvm and its like leave it: PATH is set in a start-up file, with a program in a folder that only that file knows. */
function home(t: TestContext, file: string, more = '') {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-home-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const bin = join(folder, '.nvm', 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    join(folder, file),
    `echo 'Welcome back!'\necho started >> "$HOME/starts"\nexport PATH="${bin}:$PATH"\nexport SECRET=x\n${more}`,
  );
  return { folder, bin, environment: { HOME: folder, PATH: '/usr/bin:/bin', SHELL: '/bin/bash', GITHUB_TOKEN: 't' } };
}
const ask = (environment: NodeJS.ProcessEnv, more: { mostMs?: number; platform?: NodeJS.Platform } = {}) =>
  openLoginPath({ environment, platform: process.platform, log: silent, ...more });
const shells = process.platform === 'win32' ? 'there is no login shell on Windows' : !existsSync('/bin/bash') && 'no bash here';

for (const file of ['.bash_profile', '.bashrc'])
  test(`the search path of a ${file} is found, whatever else it prints, and asked for once`, { skip: shells }, async (t) => {
    const { folder, bin, environment } = home(t, file);
    if (file === '.bashrc') writeFileSync(join(folder, '.bash_profile'), '. "$HOME/.bashrc"\n');
    const path = ask(environment);
    const [first, second] = await Promise.all([path(), path()]);
    assert.equal(first, second);
    const folders = first!.split(':');
    assert.equal(folders[0], bin);
    assert.ok(folders.includes('/usr/bin'));
    assert.equal(readFileSync(join(folder, 'starts'), 'utf8'), 'started\n');
  });

test('a start-up file that never ends, and one that fails, leave us with our own path', { skip: shells }, async (t) => {
  const slow = home(t, '.bash_profile', 'sleep 600\n');
  assert.equal(await ask(slow.environment, { mostMs: 300 })(), '/usr/bin:/bin');
  const fails = home(t, '.bash_profile', 'exit 3\n');
  assert.equal(await ask(fails.environment)(), '/usr/bin:/bin');
  assert.equal(await ask({ ...fails.environment, SHELL: '/no/such/shell' })(), '/usr/bin:/bin');
});

test('Windows is not asked: there all programs have the same path', async () => {
  assert.equal(await ask({ PATH: 'C:\\x', SHELL: '/bin/bash' }, { platform: 'win32' })(), 'C:\\x');
});

test('a local server is found where only the login shell knows it, and gets nothing else of that shell', { skip: shells }, async (t) => {
  const { bin, environment } = home(t, '.bash_profile');
  const program = join(import.meta.dirname, '../support/upstreams/stdio-server.ts');
  writeFileSync(join(bin, 'my-server'), `#!/bin/sh\nexec '${process.execPath}' '${program}'\n`);
  chmodSync(join(bin, 'my-server'), 0o755);
  const server = entry({ launch: { command: 'my-server', args: [], env: {} } });
  const without = open(t, server);
  await assert.rejects(without.upstream.call(tool('environment')), /"my-server" was not found/);
  const { upstream } = open(t, server, {}, { path: ask(environment) });
  const got = JSON.parse(text(await upstream.call(tool('environment'))));
  assert.equal(got.PATH.split(':')[0], bin);
  assert.equal(got.SECRET, undefined);
  assert.equal(got.GITHUB_TOKEN, undefined);
});
