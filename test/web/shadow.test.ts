import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import { axe, everyLook, launch, noChromium, openScene } from './browser.ts';
import { type SceneOptions, view } from './scene.ts';

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
    const { page, faults, served } = await openScene(t, browser, '#/agents', { view: { agents }, ...options });
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
    await everyLook(page, 'move');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
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

  test('one that is not blessed is asked for with a reason; what was typed stays when sending fails', async (t) => {
    const { page, commands, faults, dialog } = await open(t, {
      fail: { 'shadow-request': new Failure('unavailable', 'The company cannot be reached.') },
    });
    assert.equal(await page.getByRole('button', { name: /^Ask to bless/ }).count(), 1, 'what is for one folder is not asked for here');
    await page.getByRole('button', { name: 'Ask to bless wiki of VS Code' }).click();
    await dialog.getByText('https://wiki.example.com/mcp').waitFor();
    await dialog.getByRole('button', { name: 'Send request' }).click();
    await dialog.getByText('Say what you need it for').waitFor();
    assert.deepEqual(commands(), [], 'nothing is sent without a reason');
    await dialog.getByRole('textbox').fill('  The team writes there.  ');
    await everyLook(page, 'ask');
    await dialog.getByRole('button', { name: 'Send request' }).click();
    await dialog.getByText('The company cannot be reached.').waitFor();
    assert.deepEqual(commands(), [{ command: 'shadow-request', input: { id: 'vscode', name: 'wiki', reason: 'The team writes there.' } }]);
    assert.match(await dialog.getByRole('textbox').inputValue(), /The team writes there/);
    assert.deepEqual(faults, []);
  });

  test('a request that was sent says its number', async (t) => {
    const { page, dialog } = await open(t);
    await page.getByRole('button', { name: 'Ask to bless wiki of VS Code' }).click();
    await dialog.getByRole('textbox').fill('The team writes there.');
    await dialog.getByRole('button', { name: 'Send request' }).click();
    await dialog.getByText('REQ-1043').waitFor();
  });
});
