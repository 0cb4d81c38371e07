import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { _electron } from 'playwright';
import { ask, askWindow } from '../../src/shell/control-client.ts';
import { folder } from '../shell/folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(root, 'node_modules', 'electron', 'dist');
const binary = join(
  dist,
  process.platform === 'darwin' ? 'Electron.app/Contents/MacOS/Electron' : process.platform === 'win32' ? 'electron.exe' : 'electron',
);
const missing = !existsSync(binary)
  ? 'there is no Electron binary here (npx install-electron fetches it)'
  : process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY
    ? 'there is no display here (xvfb-run gives one)'
    : false;

test('the desktop opens its window, confined, and answers the command line', { skip: missing }, async (t) => {
  const dataDir = folder(t);
  const app = await _electron.launch({
    executablePath: binary,
    args: [root],
    env: { ...process.env, GATEHOUSE_DATA: dataDir } as Record<string, string>,
  });
  t.after(() => app.close());
  const page = await app.firstWindow();
  await page.waitForSelector('#root > *');
  assert.equal(new URL(page.url()).protocol, 'app:');
  assert.deepEqual(await page.evaluate('Object.keys(window.gatehouse).sort()'), ['call', 'watch']);
  assert.equal(await page.evaluate('typeof require + typeof process'), 'undefinedundefined');
  const reply = (await page.evaluate("window.gatehouse.call('status', {})")) as { ok: boolean; value: { app: { shell: string } } };
  assert.deepEqual([reply.ok, reply.value.app.shell], [true, 'electron']);
  assert.equal(await page.evaluate("fetch('https://example.com').then(() => 'reached', () => 'refused')"), 'refused');
  await page.evaluate("void (location.href = 'https://example.com/')");
  assert.equal(new URL(page.url()).protocol, 'app:');
  assert.equal(await page.evaluate("String(window.open('https://example.com/'))"), 'null');
  assert.equal((await ask(dataDir, 'status', {})).app.shell, 'electron');
  assert.deepEqual(await askWindow(dataDir), {});
  const second = await _electron
    .launch({
      executablePath: binary,
      args: [root],
      env: { ...process.env, GATEHOUSE_DATA: dataDir } as Record<string, string>,
      timeout: 10_000,
    })
    .then(async (other) => {
      await other.close();
      return 'opened';
    })
    .catch(() => 'left');
  assert.equal(second, 'left');
});
