import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import { eventually, startDemo } from '../support/demo.ts';
import { usedFile } from '../support/homes.ts';
import { axe, launch, noChromium, openPage, openScene, overflow } from './browser.ts';
import { ports, type SceneOptions } from './scene.ts';

describe('connecting agents in the window', { skip: noChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  async function open(t: TestContext, options: SceneOptions = {}) {
    const { page, faults, served } = await openScene(t, browser, '#/agents', options);
    await page.getByRole('heading', { name: 'On this machine' }).waitFor();
    const commands = () => served.calls.filter(({ command }) => command.startsWith('agent-'));
    return { page, faults, served, commands, dialog: page.getByRole('dialog') };
  }

  test('what the company states of other servers, and whether each agent that is here is held to it; nothing where it states nothing', async (t) => {
    const { page, faults } = await open(t);
    const rows = page.getByRole('list', { name: 'Whether agents are held to it' }).getByRole('listitem');
    await rows.first().waitFor();
    const texts = await rows.allInnerTexts();
    for (const [at, words] of [
      /Claude Code[\s\S]*In force[\s\S]*\/etc\/claude-code/,
      /Copilot[\s\S]*Not in force[\s\S]*There is no such file/,
      /Codex[\s\S]*Differs[\s\S]*allows "files" as well/,
      /Cursor[\s\S]*Cannot be had/,
    ].entries())
      assert.match(texts[at]!, words);
    assert.equal(texts.length, 4, 'one that is not here is not shown');
    assert.deepEqual(faults, []);

    for (const options of [{ policy: { origin: 'http://127.0.0.1:4283', agents: [] } }, { view: { gateway: ports.taken() } }]) {
      const other = await open(t, options);
      await other.page.getByRole('list', { name: 'Agents on this machine' }).waitFor();
      assert.equal(await other.page.getByRole('heading', { name: 'Allow-lists' }).count(), 0);
    }
  });

  test('the change is shown before anything is written, carried out as it was shown, and undone', async (t) => {
    const { page, faults, commands, dialog } = await open(t);
    await page.getByRole('button', { name: 'Connect VS Code' }).click();
    await dialog.getByText('+[mcp_servers.gatehouse]').waitFor();
    await dialog.getByText('Other users of this machine can read').waitFor();
    assert.deepEqual(
      commands().map(({ command }) => command),
      ['agent-connect-preview'],
    );
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      assert.deepEqual(await axe(page), [], colorScheme);
    }
    await page.setViewportSize({ width: 420, height: 860 });
    assert.equal(await overflow(page), 0);
    assert.deepEqual(await axe(page), []);
    await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
    await dialog.getByRole('heading', { name: 'VS Code is connected' }).waitFor();
    await dialog.getByText('showed it 57 tools').waitFor();
    assert.deepEqual(commands().at(-1), { command: 'agent-connect', input: { id: 'vscode', planned: 'a'.repeat(64) } });
    assert.deepEqual(await axe(page), []);
    await dialog.getByRole('button', { name: 'Undo' }).click();
    await dialog.waitFor({ state: 'hidden' });
    assert.deepEqual(commands().at(-1), { command: 'agent-disconnect', input: { id: 'vscode' } });
    await page.getByText('Its configuration is as it was before.').first().waitFor();
    assert.deepEqual(faults, []);
  });

  test('an entry of that name that is somebody else’s: ours gets another name', async (t) => {
    const taken = new Failure('conflict', 'There is an entry "gatehouse" that Gatehouse did not write.', 'Choose another name for ours.');
    const fail: SceneOptions['fail'] = { 'agent-connect-preview': taken };
    const { page, commands, dialog } = await open(t, { fail });
    await page.getByRole('button', { name: 'Connect Codex' }).click();
    await dialog.getByText('There is an entry').waitFor();
    assert.ok(await dialog.getByRole('button', { name: 'Connect', exact: true }).isDisabled());
    assert.deepEqual(await axe(page), []);
    await dialog.getByLabel('Another name for the entry').fill('1 2');
    await dialog.getByRole('button', { name: 'Use this name' }).click();
    await dialog.getByText('begin with a letter').waitFor();
    delete fail['agent-connect-preview'];
    await dialog.getByLabel('Another name for the entry').fill('company');
    await dialog.getByRole('button', { name: 'Use this name' }).click();
    await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
    await dialog.getByText('is connected').waitFor();
    assert.deepEqual(commands().at(-1)!.input, { id: 'codex', entry: 'company', planned: 'a'.repeat(64) });
  });

  test('another name is not offered where it would not help', async (t) => {
    const broken = new Failure('conflict', 'The file is not JSON that can be read, so it is left as it is.', 'Correct the file.');
    const { page, dialog } = await open(t, { fail: { 'agent-connect-preview': broken } });
    await page.getByRole('button', { name: 'Connect VS Code' }).click();
    await dialog.getByText('is not JSON').waitFor();
    assert.equal(await dialog.getByLabel('Another name for the entry').count(), 0);
  });

  test('an agent that gets no token is said to get none, before and after', async (t) => {
    const { page, dialog } = await open(t);
    await page.getByRole('button', { name: 'Connect VS Code' }).click();
    await dialog.getByText('It gets a token of its own, which is not shown here.').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Connect Claude Desktop' }).click();
    await dialog.getByText('It gets no token. When it starts, it asks here, and you allow it once.').waitFor();
  });

  test('what goes wrong is said, and the change is shown anew', async (t) => {
    const changed = new Failure('conflict', 'The file has changed since it was shown.', 'Look at the change again.');
    const { page, commands, dialog } = await open(t, { fail: { 'agent-connect': changed } });
    await page.getByRole('button', { name: 'Connect VS Code' }).click();
    await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
    await dialog.getByText('has changed since it was shown').waitFor();
    assert.equal(commands().filter(({ command }) => command === 'agent-connect-preview').length, 2);
  });

  test('disconnecting is asked for first; an agent that needs a look has both ways', async (t) => {
    const { page, commands } = await open(t);
    await page.getByRole('button', { name: 'Reconnect Cursor' }).waitFor();
    await page.getByRole('button', { name: 'Disconnect Cursor' }).waitFor();
    await page.getByRole('button', { name: 'Disconnect Claude Code' }).click();
    const asked = page.getByRole('dialog');
    await asked.getByText('only our entry is taken out').waitFor();
    assert.deepEqual(commands(), []);
    await asked.getByRole('button', { name: 'Disconnect' }).click();
    await page.getByText('is disconnected').first().waitFor();
    assert.deepEqual(commands(), [{ command: 'agent-disconnect', input: { id: 'claude-code' } }]);
  });

  test('while another program has the port, nothing can be connected', async (t) => {
    const { page } = await open(t, { view: { gateway: ports.taken() } });
    assert.ok(await page.getByRole('button', { name: 'Connect VS Code' }).isDisabled());
  });

  test('the real window, host and gateway: connected, put back by the guardian after a reset, disconnected', {
    timeout: 180_000,
  }, async (t) => {
    const home = mkdtempSync(join(tmpdir(), 'gatehouse-home-'));
    t.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));
    const file = join(home, '.codex', 'config.toml');
    const text = usedFile('toml', 'mcp_servers');
    mkdirSync(join(home, '.codex'));
    writeFileSync(file, text, { mode: 0o600 });
    const demo = await startDemo({ account: 'engineer', env: { HOME: home, USERPROFILE: home, CODEX_HOME: '', XDG_CONFIG_HOME: '' } });
    t.after(() => demo.stop());
    const { page, faults, close } = await openPage(browser);
    t.after(close);
    await page.goto(demo.ui);
    await page.locator('main').waitFor();
    await page.evaluate('location.hash = "#/agents"');
    await page.getByRole('button', { name: 'Connect Codex' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('+[mcp_servers.gatehouse]').waitFor();
    assert.ok(!(await dialog.innerText()).includes('sk-other'));
    await dialog.getByRole('button', { name: 'Connect', exact: true }).click();
    await dialog.getByText(/showed it \d+ tools/).waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Disconnect Codex' }).waitFor();
    assert.match(readFileSync(file, 'utf8'), /\[mcp_servers\.gatehouse\]/);

    writeFileSync(file, 'version = 2\n');
    await eventually(() => readFileSync(file, 'utf8').includes('[mcp_servers.gatehouse]') || undefined, 'the entry is put back', 60_000);
    await page.getByText('Put back').waitFor();
    const notes = (await demo.gatehouse('ledger', 'export')).stdout;
    assert.match(notes, /was missing in .*config\.toml, with more than that, and was put back/);
    await page.getByRole('button', { name: 'Disconnect Codex' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Disconnect' }).click();
    await page.getByText('Codex is disconnected').first().waitFor();
    assert.equal(readFileSync(file, 'utf8'), 'version = 2\n');
    assert.deepEqual(faults, []);
  });
});
