import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import { serveWindow } from '../support/window.ts';
import { axe, everyLook, launch, noChromium, openPage, pictures } from './browser.ts';
import { type SceneOptions, scene } from './scene.ts';
import { output } from './scene-servers.ts';

describe('what a local server wrote', { skip: noChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  async function open(t: TestContext, server: string, options: SceneOptions = {}) {
    const served = await serveWindow(scene(options));
    t.after(() => served.close());
    const opened = await openPage(browser);
    t.after(opened.close);
    await opened.page.goto(served.url);
    await opened.page.evaluate(`location.hash = '#/servers/${server}'`);
    await opened.page
      .getByText('On this computer')
      .or(opened.page.getByText('Remote', { exact: true }))
      .first()
      .waitFor();
    const asked = () => served.calls.filter(({ command }) => command === 'server-stderr');
    return { ...opened, asked };
  }

  test('is asked for once it is unfolded, by keyboard too, shows its end, as text, and can be copied and read again', async (t) => {
    const { page, faults, asked } = await open(t, 'files');
    const fold = page.locator('summary', { hasText: 'Output of this server' });
    await fold.focus();
    assert.equal(asked().length, 0);
    await page.keyboard.press('Enter');
    const region = page.getByRole('region', { name: 'Output of this server' });
    await region.waitFor();
    assert.deepEqual(
      asked().map(({ input }) => input),
      [{ server: 'files' }],
    );
    assert.equal((await region.innerText()).trim(), output.join('\n'));
    assert.equal(await region.locator('a, img').count(), 0, 'neither a link nor any other element');
    await page.keyboard.press('Tab');
    const focused = 'document.activeElement';
    assert.equal(await page.evaluate(`${focused}.getAttribute('aria-label')`), 'Output of this server');
    assert.ok(await page.evaluate(`${focused}.scrollHeight > ${focused}.clientHeight`));
    assert.ok(
      await page.evaluate(`${focused}.scrollHeight - ${focused}.scrollTop - ${focused}.clientHeight < 2`),
      'the newest line is in sight',
    );
    await page.getByRole('button', { name: 'Copy output' }).click();
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), output.join('\n'));
    await page.getByRole('button', { name: 'Read the output again' }).click();
    for (let left = 50; left > 0 && asked().length < 2; left--) await page.waitForTimeout(20);
    assert.equal(asked().length, 2);
    await everyLook(page, 'output');
    await fold.focus();
    await page.keyboard.press('Enter');
    await region.waitFor({ state: 'hidden' });
    assert.deepEqual(faults, []);
  });

  test('what of a server is faulty stands on its page, with the reason, at every width', async (t) => {
    const { page, faults } = await open(t, 'files');
    const fold = page.locator('summary', { hasText: '2 definitions of this server are faulty' });
    await fold.focus();
    await page.keyboard.press('Enter');
    const list = page.getByRole('list', { name: 'Faulty definitions' });
    await list.waitFor();
    assert.match(await list.innerText(), /tools\[3\] grep_all its inputSchema is missing/);
    await everyLook(page);
    assert.deepEqual(faults, []);
    const other = await open(t, 'tickets');
    assert.equal(await other.page.getByText('faulty').count(), 0);
  });

  test('nothing yet, a failure, a remote server', async (t) => {
    const none = await open(t, 'files', { output: [] });
    await none.page.getByText('Output of this server').click();
    await none.page.getByText('It has written nothing since').waitFor();
    assert.equal(await none.page.getByRole('button', { name: 'Copy output' }).count(), 0);
    assert.deepEqual(await axe(none.page), []);
    if (pictures) await none.page.screenshot({ path: `${pictures}/output-none.png` });
    const failed = await open(t, 'files', { fail: { 'server-stderr': new Failure('unavailable', 'It is closing.', 'Try again.') } });
    await failed.page.getByText('Output of this server').click();
    await failed.page.getByText('Its output could not be read').waitFor();
    const remote = await open(t, 'tickets');
    assert.equal(await remote.page.getByText('Output of this server').count(), 0);
  });
});
