import assert from 'node:assert/strict';
import { test } from 'node:test';
import { _electron } from 'playwright';
import { ask, askWindow } from '../../src/shell/control-client.ts';
import { driven, noDesktop, openDesktopSession } from './desktop.ts';

test('the desktop opens its window, confined, and answers the command line', { skip: noDesktop }, async (t) => {
  const desktop = await openDesktopSession(t);
  const { dataDir } = desktop;
  const app = await _electron.launch({ executablePath: desktop.command(driven), env: desktop.env });
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
  const second = await desktop.start(driven);
  assert.equal(await second.ended(), 0, 'a second one leaves at once');
  assert.equal((await ask(dataDir, 'status', {})).app.shell, 'electron');
});
