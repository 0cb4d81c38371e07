import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import type { View } from '../../src/contract/view.ts';
import { eventually, startDemo } from '../support/demo.ts';
import { squat } from '../support/squatter.ts';
import { serveWindow } from '../support/window.ts';
import { axe, launch, noChromium, openPage, overflow } from './browser.ts';
import { ports, type SceneOptions, scene, view } from './scene.ts';

const token = 'gha_7Qm2xV9bTt4LkRz8Yw1pNc6JdHs3EfGu5AoXiBqZ';
const ended = { name: 'Tokens may have leaked to another program' };
const withSix = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

describe('another program on the gateway’s port, in the window', { skip: noChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  async function open(t: TestContext, at: string, options: SceneOptions) {
    const served = await serveWindow(scene(options));
    t.after(() => served.close());
    const opened = await openPage(browser);
    t.after(opened.close);
    await opened.page.goto(served.url);
    await opened.page.locator('main').waitFor();
    await opened.page.evaluate(`location.hash = ${JSON.stringify(at)}`);
    const asked = (...commands: string[]) => served.calls.filter(({ command }) => commands.includes(command));
    return { ...opened, served, asked };
  }
  /** Goes on with Tab until what has the focus is called so. */
  const tabTo = async (page: Page, name: string) => {
    for (let step = 0; step < 40; step++) {
      await page.keyboard.press('Tab');
      const focused = 'document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent';
      if ((await page.evaluate(focused)) === name) return;
    }
    assert.fail(`the keyboard does not reach "${name}"`);
  };

  test('by keyboard from the notice to the agents; one is revoked, the rest is kept, each only after a question', async (t) => {
    const { page, served, asked, faults } = await open(t, '#/', { view: { gateway: ports.leaked() } });
    const notice = page.getByRole('status').filter({ hasText: '2 tokens may have leaked.' });
    await notice.getByText('was held by the program "python3.13" (process 48211) of the user "guest"').waitFor();
    assert.equal(await notice.locator('time').count(), 2, 'since when and until when');
    await tabTo(page, 'See agents');
    await page.keyboard.press('Enter');
    const panel = page.getByRole('region', ended);
    await panel.waitFor();
    assert.equal(await notice.count(), 0, 'the page says it all, so it is not said twice');
    const row = (name: string) => panel.getByRole('listitem').filter({ hasText: name });
    assert.match(await row('cursor').innerText(), /Replaced/);
    assert.match(await row('old-laptop').innerText(), /Revoked/);
    assert.equal(await panel.getByRole('button', { name: /^Revoke / }).count(), 2);

    await tabTo(page, 'Revoke claude-code');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.deepEqual(asked('agent-revoke'), [], 'Enter at first does no harm');
    await panel.getByRole('button', { name: 'Revoke claude-code' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('claude-code is revoked', { exact: true }).waitFor();
    assert.deepEqual(asked('agent-revoke'), [{ command: 'agent-revoke', input: { name: 'claude-code' } }]);
    const gone = view().agents.map((agent) => (agent.name === 'claude-code' ? { ...agent, revokedAt: agent.createdAt } : agent));
    const rest = ports.leaked(['nightly report']);
    rest.exposure!.revoked.push('claude-code');
    served.push(view({ gateway: rest, agents: gone }));
    await row('claude-code').getByText('Revoked').waitFor();

    await tabTo(page, 'Keep these tokens…');
    await page.keyboard.press('Enter');
    const question = page.getByRole('dialog', { name: 'Keep these tokens?' });
    await question.getByText('nightly report').waitFor();
    assert.deepEqual(await axe(page), []);
    await page.keyboard.press('Enter');
    await question.waitFor({ state: 'hidden' });
    await panel.getByRole('button', { name: 'Keep these tokens…' }).click();
    await question.waitFor();
    served.push(view({ gateway: ports.leaked(['nightly report', 'vscode']), agents: gone }));
    await question.waitFor({ state: 'hidden' });
    assert.deepEqual(asked('exposure-dismiss'), [], 'what was asked about has changed');
    await panel.getByRole('button', { name: 'Keep these tokens…' }).click();
    await question.getByRole('button', { name: 'I have checked, keep them' }).click();
    await page.getByText('The tokens are kept', { exact: true }).waitFor();
    assert.equal(asked('exposure-dismiss').length, 1);
    served.push(view());
    await panel.waitFor({ state: 'hidden' });
    assert.deepEqual(faults, []);
  });

  test('a hundred agents with the longest names: no sideways scroll, and the question stays short enough to be answered', async (t) => {
    const names = Array.from({ length: 100 }, (_, index) => `agent${String(index).padStart(59, '0')}`);
    const agents = names.map((name) => ({ ...view().agents[0]!, name }));
    const { page } = await open(t, '#/agents', { view: { gateway: ports.leaked(names), agents } });
    await page.setViewportSize({ width: 420, height: 720 });
    await page.getByRole('button', { name: 'Keep these tokens…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('and 95 more').waitFor();
    const box = (await dialog.boundingBox())!;
    const verb = (await dialog.getByRole('button', { name: 'I have checked, keep them' }).boundingBox())!;
    assert.ok(verb.y + verb.height <= box.y + box.height && box.y + box.height <= 720);
    assert.equal(await dialog.evaluate('document.querySelector("[role=dialog] header").scrollWidth'), Math.floor(box.width));
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    assert.equal(await overflow(page), 0);
  });

  test('a core that refuses to put the list away is heard', async (t) => {
    const still = new Failure('conflict', '127.0.0.1:4283 is still held by process 7.', 'End that program.');
    const { page } = await open(t, '#/agents', { view: { gateway: ports.leaked() }, fail: { 'exposure-dismiss': still } });
    await page.getByRole('button', { name: 'Keep these tokens…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'I have checked, keep them' }).click();
    await page.getByText('is still held by process 7. End that program.').first().waitFor();
    await page.getByRole('region', ended).waitFor();
  });

  for (const [name, gateway] of Object.entries({ ...ports, off: (): View['gateway'] => ({ state: 'off' }) }).filter(
    ([state]) => state !== 'leaked',
  ))
    test(`${name}: nothing that holds a token or leads to one is offered, and it says why`, async (t) => {
      const { page, served, asked, faults } = await open(t, '#/agents', { view: { gateway: gateway() } });
      const main = page.locator('main');
      await main
        .getByRole('button', { name: /^Revoke / })
        .first()
        .waitFor();
      await main
        .getByText(/no agent is added/i)
        .or(main.getByText('No agent can be added now'))
        .waitFor();
      for (const offered of [/^Add agent/, /^Configuration of/, /^Keep these/])
        assert.equal(await main.getByRole('button', { name: offered }).count(), 0, String(offered));
      await page.evaluate(`location.hash = '#/agents/add'`);
      const dialog = page.getByRole('dialog');
      await dialog.getByText('No agent can be added now').waitFor();
      assert.equal(await dialog.getByRole('textbox').count(), 0);
      await dialog.getByRole('button', { name: 'Close' }).last().click();
      assert.deepEqual(asked('agent-add', 'agent-configs'), []);

      await main.getByRole('button', { name: 'Check again' }).click();
      await page.getByText('Not yet', { exact: true }).waitFor();
      served.push(view());
      await main.getByRole('button', { name: 'Add agent' }).waitFor();
      await main.getByRole('button', { name: 'Configuration of cursor' }).waitFor();
      if (gateway().url === undefined) {
        served.push(view({ gateway: gateway() }));
        await page.evaluate(`location.hash = '#/servers/tickets'`);
        await page.getByRole('link', { name: /search_tickets/ }).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Copy server address' }).count(), 0);
      }
      assert.deepEqual(faults, []);
    });

  test('a token and a configuration that are on the screen go when the port does, and come back with it', async (t) => {
    const { page, served, faults } = await open(t, '#/agents/add', {});
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'codex' }).click();
    await dialog.getByRole('button', { name: 'Add agent' }).click();
    await dialog.getByRole('button', { name: 'Copy token' }).waitFor();
    assert.ok((await page.content()).includes(token));
    for (const gateway of [ports.taken(), ports.beside(), ports.unsure()]) {
      served.push(view({ gateway }));
      await dialog.getByText('The token is held back').waitFor();
      assert.ok(!(await page.content()).includes(token));
      assert.equal(await dialog.getByRole('button', { name: /^Copy/ }).count(), 0);
      await page.mouse.click(5, 5);
      assert.ok(await dialog.isVisible(), 'a click beside the dialog must not lose the token');
      assert.deepEqual(await axe(page), []);
      served.push(view());
      await dialog.getByRole('button', { name: 'Copy token' }).waitFor();
    }
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Configuration of cursor' }).click();
    await dialog.getByRole('button', { name: /^Copy configuration/ }).waitFor();
    served.push(view({ gateway: ports.taken() }));
    await dialog.getByText('The configuration is held back').waitFor();
    assert.equal(await dialog.getByRole('button', { name: /^Copy/ }).count(), 0);
    assert.deepEqual(faults, []);
  });

  test('the real product: it crashes, another program takes half of its port; said in the open window, until a person has seen to it', {
    skip: process.platform === 'linux' && withSix ? false : 'needs ::1, and a system that lets the two addresses of a port be taken apart',
  }, async (t) => {
    const demo = await startDemo({ account: 'engineer' });
    t.after(() => demo.stop());
    for (const name of ['first', 'second', 'third']) await demo.json('agents', 'add', name);
    const { page, close } = await openPage(browser);
    t.after(close);
    await page.goto(demo.ui);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const port = Number(new URL(demo.mcp).port);
    process.kill(demo.hostPid(), 'SIGKILL');
    // Its port is free from when the system has cleared it away; what starts it again needs longer than that.
    const squatter = await eventually(() => squat({ host: '::1', port, habit: 'silent' }).catch(() => undefined), 'the port is free');
    t.after(() => squatter.leave());
    const notice = page.getByRole('status').filter({ hasText: 'Another program has part of the gateway’s port.' });
    await notice.getByText(`(process ${squatter.pid})`).waitFor();
    await notice.getByText('the tokens of 3 agents').waitFor();
    assert.deepEqual(await axe(page), []);
    await notice.getByRole('link', { name: 'What to do' }).click();
    const panel = page.getByRole('region', { name: 'Another program has part of the gateway’s port' });
    await panel.getByRole('button', { name: 'Revoke first' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await panel.getByRole('listitem').filter({ hasText: 'first' }).getByText('Revoked').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Add agent' }).count(), 0);
    assert.equal(await overflow(page), 0);

    await squatter.leave();
    const after = page.getByRole('region', ended);
    // It may have looked by itself a moment before.
    await panel
      .getByRole('button', { name: 'Check again' })
      .click({ timeout: 2_000 })
      .catch(() => {});
    await after.waitFor();
    await page.getByRole('button', { name: 'Add agent' }).click();
    await page.getByRole('dialog').getByLabel('Name', { exact: true }).fill('first');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click();
    await after.getByRole('listitem').filter({ hasText: 'first' }).getByText('Replaced').waitFor();
    await after.getByRole('button', { name: 'Keep these tokens…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'I have checked, keep them' }).click();
    await after.waitFor({ state: 'hidden' });
    const { gateway } = await demo.json<View>('status');
    assert.deepEqual([gateway.state, gateway.error, gateway.exposure], ['on', undefined, undefined]);
  });
});
