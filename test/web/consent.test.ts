import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import { axe, launch, noChromium, openScene, overflow } from './browser.ts';
import { type SceneOptions, view } from './scene.ts';
import { bridged, consents, limitedAgents } from './scene-agents.ts';

/** The person's word on agents that sign in, as it is given in the window. */
describe('agents that want to sign in', { skip: noChromium, concurrency: 2 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  async function open(t: TestContext, at: string, options: SceneOptions, size = { width: 1280, height: 800 }) {
    const opened = await openScene(t, browser, at, options, size);
    const { served } = opened;
    const said = (command: string) => served.calls.filter((call) => call.command === command).map(({ input }) => input);
    return { ...opened, said };
  }
  const one = () => ({ view: { consents: consents().slice(0, 1) } });

  for (const width of [1280, 420])
    test(`from any page to the question and the answer, at ${width} px: for one server and a week`, async (t) => {
      const { page, said, faults } = await open(t, '#/servers', one(), { width, height: 800 });
      await page.getByRole('link', { name: 'Review' }).click();
      const dialog = page.getByRole('dialog', { name: 'Allow “Claude Code”?' });
      await dialog.getByText('KQ7-3MX').waitFor();
      assert.deepEqual(said('consent-allow'), [], 'looking is no consent');
      assert.ok(await dialog.getByRole('button', { name: 'Allow', exact: true }).isVisible());
      await dialog.getByLabel('Only these').check();
      await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
      await dialog.getByText('Choose at least one server.').waitFor();
      await dialog.getByLabel('Tickets').check();
      await dialog.getByRole('button', { name: '7 days' }).click();
      await dialog.getByLabel('Name').fill('My Claude');
      assert.deepEqual(await axe(page), []);
      assert.equal(await overflow(page), 0);
      await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
      await page.getByText('My Claude is allowed', { exact: true }).waitFor();
      assert.deepEqual(said('consent-allow'), [{ id: 'KQ7-3MX', name: 'My Claude', servers: ['tickets'], days: 7 }]);
      assert.deepEqual(faults, []);
    });

  test('a program that started the bridge: named as the system names it, with what that proves, and no browser to go back to', async (t) => {
    const { page, said } = await open(t, '#/agents', { view: { consents: bridged() } }, { width: 420, height: 900 });
    await page.getByText('Started a bridge').waitFor();
    await page.getByRole('button', { name: 'Review claude-ai, HHW-94P' }).click();
    const dialog = page.getByRole('dialog', { name: 'Allow “claude-ai”?' });
    await dialog.getByText('The program "/Applications/Claude.app/Contents/MacOS/Claude" (process 815)').waitFor();
    await dialog.getByText('Whatever runs inside this program gets the same').waitFor();
    assert.equal(await dialog.getByText(/browser/).count(), 0);
    assert.deepEqual(await axe(page), []);
    assert.equal(await overflow(page), 0);
    await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('claude-ai is allowed', { exact: true }).waitFor();
    assert.deepEqual(said('consent-allow'), [{ id: 'HHW-94P', name: 'claude-ai', servers: 'all', days: 0 }]);
  });

  test('keys that were meant for something else allow nothing; the keyboard alone can do it all', async (t) => {
    const { page, said } = await open(t, '#/agents', one());
    await page.getByRole('button', { name: 'Review Claude Code, KQ7-3MX' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    // The same key again, or a click beside it: the dialog closes or stays, and nobody is allowed.
    await page.keyboard.press('Enter');
    await page.mouse.click(5, 5);
    await page.waitForTimeout(100);
    assert.deepEqual([said('consent-allow'), said('consent-deny')], [[], []]);
    if (!(await dialog.isVisible())) {
      await page.getByRole('button', { name: 'Review Claude Code, KQ7-3MX' }).focus();
      await page.keyboard.press('Enter');
      await dialog.waitFor();
    }
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate('document.activeElement.textContent')) === 'Allow') break;
    }
    await page.keyboard.press('Enter');
    await page.getByText('Claude Code is allowed', { exact: true }).waitFor();
    assert.deepEqual(said('consent-allow'), [{ id: 'KQ7-3MX', name: 'Claude Code', servers: 'all', days: 0 }]);
  });

  test('one is denied on the page, another in its dialog; a view with a new one does not open anything by itself', async (t) => {
    const { page, said, served } = await open(t, '#/agents', { view: { consents: consents().slice(0, 2) } });
    await page.getByRole('button', { name: 'Deny Claude Code, KQ7-3MX' }).click();
    await page.getByText('Claude Code is denied', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Review MCP CLI Proxy, BWF-H49' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Deny' }).click();
    await page.getByText('MCP CLI Proxy is denied', { exact: true }).waitFor();
    assert.deepEqual(said('consent-deny'), [{ id: 'KQ7-3MX' }, { id: 'BWF-H49' }]);
    served.push(view({ consents: consents() }));
    await page.getByText('3 agents want to sign in').waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);
  });

  test('one that asks for one server is limited to it; one that comes back keeps its limit', async (t) => {
    const { page, said } = await open(t, '#/agents/requests/BWF-H49', { view: { consents: consents() } });
    await page.getByRole('dialog').getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('MCP CLI Proxy is allowed', { exact: true }).waitFor();
    await page.evaluate(`location.hash = '#/agents/requests/ZT6-RRP'`);
    const dialog = page.getByRole('dialog');
    assert.ok(await dialog.getByLabel('Tickets').isChecked());
    await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('Cursor agents is allowed', { exact: true }).waitFor();
    assert.deepEqual(said('consent-allow'), [
      { id: 'BWF-H49', name: 'MCP CLI Proxy', servers: ['tickets'], days: 0 },
      { id: 'ZT6-RRP', name: 'Cursor agents', servers: ['tickets'], days: 0 },
    ]);
  });

  test('one that comes back keeps its end as well, unless the person chooses another', async (t) => {
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
    const [, , back] = consents();
    const view = { consents: [{ ...back!, again: { expiresAt } }] };
    const { page, said } = await open(t, '#/agents/requests/ZT6-RRP', { view });
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.getByRole('button', { name: 'As before' }).getAttribute('aria-pressed'), 'true');
    assert.deepEqual(await axe(page), []);
    await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('Cursor agents is allowed', { exact: true }).waitFor();
    const other = await open(t, '#/agents/requests/ZT6-RRP', { view });
    await other.page.getByRole('dialog').getByRole('button', { name: 'Until revoked' }).click();
    await other.page.getByRole('dialog').getByRole('button', { name: 'Allow', exact: true }).click();
    await other.page.getByText('Cursor agents is allowed', { exact: true }).waitFor();
    assert.deepEqual(
      [...said('consent-allow'), ...other.said('consent-allow')],
      [
        { id: 'ZT6-RRP', name: 'Cursor agents', servers: 'all' },
        { id: 'ZT6-RRP', name: 'Cursor agents', servers: 'all', days: 0 },
      ],
    );
  });

  test('a name that is taken, and a request that has gone while it was looked at', async (t) => {
    const conflict = new Failure('conflict', 'There is an agent named "cursor" already.', 'Choose another name.');
    const { page, served } = await open(t, '#/agents/requests/KQ7-3MX', { ...one(), fail: { 'consent-allow': conflict } });
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
    await dialog.getByText('There is an agent named "cursor" already. Choose another name.').waitFor();
    served.push(view({ consents: [] }));
    await dialog.getByRole('button', { name: 'Waits no more' }).waitFor();
    assert.ok(await dialog.getByRole('button', { name: 'Deny' }).isDisabled());
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  });

  test('any agent is limited, and freed again', async (t) => {
    const { page, said } = await open(t, '#/agents', { view: { agents: limitedAgents() } });
    await page.getByText('Only Tickets, Customers', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'What claude-code may reach' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Customers').uncheck();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('claude-code is limited', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'What vscode may reach' }).click();
    await dialog.getByLabel('gone (not there now)').waitFor();
    await dialog.getByLabel('All servers you may use').check();
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page.getByText('vscode is not limited any more', { exact: true }).waitFor();
    assert.deepEqual(said('agent-limit'), [{ name: 'claude-code', servers: ['tickets'] }, { name: 'vscode' }]);
    assert.equal(await page.getByRole('button', { name: 'Configuration of claude-code' }).count(), 0, 'it has no token to paste');
  });
});
