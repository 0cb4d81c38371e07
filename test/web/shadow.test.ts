import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import { serveWindow } from '../support/window.ts';
import { axe, launch, noChromium, openPage, overflow } from './browser.ts';
import { type SceneOptions, scene, view } from './scene.ts';

const pictures = process.env['GATEHOUSE_PICTURES'];

describe('servers beside the gate in the window', { skip: noChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  /** Claude Code is connected, Cursor is not. */
  async function open(t: TestContext, options: SceneOptions = {}) {
    const agents = view().agents.map((agent, at) =>
      at === 0 ? { ...agent, config: { id: 'claude-code', file: '/home/ada/.claude.json', state: 'connected' as const } } : agent,
    );
    const served = await serveWindow(scene({ view: { agents }, ...options }));
    t.after(() => served.close());
    const { page, faults, close } = await openPage(browser);
    t.after(close);
    await page.goto(served.url);
    await page.locator('main').waitFor();
    await page.evaluate('location.hash = "#/agents"');
    await page.getByRole('list', { name: 'Servers beside the gate' }).waitFor();
    const commands = () => served.calls.filter(({ command }) => command.startsWith('shadow-'));
    return { page, faults, commands, dialog: page.getByRole('dialog') };
  }

  test('moved by the keyboard after the change was seen, only out of an agent that is connected, and put back', async (t) => {
    const { page, faults, commands, dialog } = await open(t);
    assert.equal(await page.getByRole('button', { name: /^Move .* behind the gate$/ }).count(), 1);
    await page.getByRole('button', { name: 'Move tracker of Claude Code behind the gate' }).focus();
    await page.keyboard.press('Enter');
    await dialog.getByText('"tracker": {').waitFor();
    assert.deepEqual(
      commands().map(({ command }) => command),
      ['shadow-move-preview'],
    );
    for (const width of [1280, 420])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        assert.deepEqual(await axe(page), [], `${colorScheme} ${width}`);
        assert.equal(await overflow(page), 0);
        if (pictures) await page.screenshot({ path: `${pictures}/move-${colorScheme}-${width}.png` });
      }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    if (pictures) {
      await page.getByRole('button', { name: 'Put back memory' }).scrollIntoViewIfNeeded();
      await page.screenshot({ path: `${pictures}/beside-dark-420.png` });
    }
    assert.equal(commands().length, 1, 'leaving changes nothing');
    await page.getByRole('button', { name: 'Move tracker of Claude Code behind the gate' }).click();
    await dialog.getByRole('button', { name: 'Move', exact: true }).click();
    await dialog.waitFor({ state: 'hidden' });
    assert.deepEqual(commands().at(-1), { command: 'shadow-move', input: { id: 'claude-code', name: 'tracker', planned: 'c'.repeat(64) } });
    await page.getByRole('button', { name: 'Put back memory' }).click();
    await page.getByText('memory is beside the gate again').first().waitFor();
    assert.deepEqual(commands().at(-1), { command: 'shadow-put-back', input: { move: 'b'.repeat(16) } });
    assert.deepEqual(faults, []);
  });

  test('a change that is refused is told, and cannot be confirmed', async (t) => {
    const why = new Failure('conflict', 'Claude Code may not reach tickets, so it would be without tracker.');
    const { page, dialog } = await open(t, { fail: { 'shadow-move-preview': why } });
    await page.getByRole('button', { name: 'Move tracker of Claude Code behind the gate' }).click();
    await dialog.getByText('it would be without tracker').waitFor();
    assert.ok(await dialog.getByRole('button', { name: 'Move', exact: true }).isDisabled());
    assert.deepEqual(await axe(page), []);
  });
});
