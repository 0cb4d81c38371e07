import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright';
import { Failure } from '../../src/base/errors.ts';
import type { SecretRow, ServerRow } from '../../src/contract/servers.ts';
import { serveWindow } from '../support/window.ts';
import { axe, everyLook, launch, noChromium, openPage } from './browser.ts';
import { scene, view } from './scene.ts';
import { servers } from './scene-servers.ts';

const typed = 'wrench-4821-hollow-sparrow';

const secret = (change: Partial<SecretRow> = {}): SecretRow => ({
  name: 'X-Api-Key',
  description: 'Your own key of the parcel service: on its site under Profile, “Access keys”',
  required: true,
  goesTo: 'https://mcp.swiftcart.example',
  place: 'https://mcp.swiftcart.example',
  state: 'missing',
  ...change,
});
const optional = secret({ name: 'depot-code', description: '', required: false });
const needs = { state: 'needs-secret', error: 'it needs X-Api-Key, which is not entered on this computer' } as const;

describe('what a server needs from a person', { skip: noChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  /** The window over a host that keeps what it is given, as the real one does. */
  async function open(t: TestContext, row: Partial<ServerRow>, options: { vault?: 'memory'; fail?: Failure; at?: string } = {}) {
    const withRow = (change: Partial<ServerRow>) =>
      view({
        servers: servers().map((one) => (one.id === 'crm' ? { ...one, title: 'Parcels', ...row, ...change } : one)),
        ...(options.vault ? { app: { ...view().app, vault: options.vault } } : {}),
      });
    const shown = scene(options.fail ? { fail: { 'server-secret-set': options.fail } } : {});
    shown.view = withRow({});
    const answer = shown.answer.bind(shown);
    const to = (name: unknown, state: SecretRow['state']) => {
      const secrets = row.secrets!.map(({ why, ...one }) => (one.name === name ? { ...one, state } : { ...one, ...(why ? { why } : {}) }));
      row = { ...row, secrets };
      const lacks = secrets.some((one) => one.required && one.state === 'missing');
      shown.view = withRow(lacks ? needs : { state: 'idle' });
      served.push(shown.view);
    };
    shown.answer = (command, input) => {
      const value = answer(command, input);
      if (command === 'server-secret-set') to(input['name'], 'set');
      if (command === 'server-secret-clear') to(input['name'], 'missing');
      return value;
    };
    const served = await serveWindow(shown);
    t.after(() => served.close());
    const opened = await openPage(browser);
    t.after(opened.close);
    await opened.page.goto(served.url);
    await opened.page.evaluate(`location.hash = ${JSON.stringify(options.at ?? '#/servers/crm')}`);
    const asked = (command: string) => served.calls.filter((call) => call.command === command).map(({ input }) => input);
    const move = (goesTo: string) => {
      row = { ...row, secrets: row.secrets!.map((one) => ({ ...one, goesTo, place: goesTo })) };
      shown.view = withRow({});
      served.push(shown.view);
    };
    return { ...opened, asked, move };
  }
  const focused = (page: Page) => page.evaluate('document.activeElement.getAttribute("aria-label") ?? document.activeElement.type');
  async function focusReaches(page: Page, wanted: string): Promise<void> {
    for (let left = 50; left > 0 && (await focused(page)) !== wanted; left--) await page.waitForTimeout(20);
    assert.equal(await focused(page), wanted);
  }

  test('it is asked for with the words of the company, entered by keyboard alone, and never shown', async (t) => {
    const { page, faults, asked } = await open(t, { ...needs, secrets: [secret(), optional] });
    await page.getByText('Parcels needs something from you').waitFor();
    await page.getByText('on its site under Profile').waitFor();
    await page.getByText('It stays in the vault of this computer').waitFor();
    assert.equal(await page.getByText('https://mcp.swiftcart.example').count(), 2);
    await everyLook(page, 'secrets-missing');
    const field = page.getByLabel('Value of X-Api-Key');
    assert.equal(await field.getAttribute('type'), 'password');
    await field.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Enter the value first.').waitFor();
    assert.deepEqual(asked('server-secret-set'), []);
    await page.keyboard.insertText(`  ${typed}\n`);
    await page.keyboard.press('Enter');
    await page.getByText('X-Api-Key is saved', { exact: true }).waitFor();
    await page.getByText('What you have given to this server').waitFor();
    assert.deepEqual(asked('server-secret-set'), [
      { server: 'crm', name: 'X-Api-Key', value: typed, place: 'https://mcp.swiftcart.example' },
    ]);
    await focusReaches(page, 'Replace X-Api-Key');
    assert.equal(await page.getByText('Not set').count(), 1, 'the optional one');
    await everyLook(page, 'secrets-set');
    const everywhere =
      '[document.documentElement.outerHTML, ...[...document.querySelectorAll("input")].map((one) => one.value), JSON.stringify(localStorage), JSON.stringify(sessionStorage), location.href].join()';
    assert.ok(!String(await page.evaluate(everywhere)).includes(typed));
    assert.deepEqual(faults, []);
  });

  test('where it goes is what the page said when the person began to type, whatever the company says by now', async (t) => {
    const { page, asked, move } = await open(t, { ...needs, secrets: [secret()] });
    const field = page.getByLabel('Value of X-Api-Key');
    await field.waitFor();
    move('https://b.example');
    await page.getByText('https://b.example').waitFor();
    await field.fill(typed);
    move('https://c.example');
    await page.getByText('https://c.example').waitFor();
    await field.press('Enter');
    await page.getByText('X-Api-Key is saved', { exact: true }).waitFor();
    assert.deepEqual(asked('server-secret-set'), [{ server: 'crm', name: 'X-Api-Key', value: typed, place: 'https://b.example' }]);
  });

  test('it is replaced, kept by Escape, and removed after a question', async (t) => {
    const { page, faults, asked } = await open(t, { state: 'idle', secrets: [secret({ state: 'set' })] });
    const replace = page.getByRole('button', { name: 'Replace X-Api-Key' });
    await replace.focus();
    await page.keyboard.press('Enter');
    const field = page.getByLabel('New value of X-Api-Key');
    await field.waitFor();
    await focusReaches(page, 'password');
    await everyLook(page, 'secrets-replacing');
    await page.keyboard.press('Escape');
    await replace.waitFor();
    await focusReaches(page, 'Replace X-Api-Key');
    await page.keyboard.press('Enter');
    await field.fill(typed);
    await page.keyboard.press('Enter');
    await replace.waitFor();
    assert.equal(asked('server-secret-set').length, 1);
    await page.getByRole('button', { name: 'Remove X-Api-Key' }).click();
    await page.getByText('Agents cannot use Parcels without it').waitFor();
    assert.deepEqual(await axe(page), []);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.deepEqual(asked('server-secret-clear'), [], 'Enter cancels');
    await page.getByRole('button', { name: 'Remove X-Api-Key' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByText('Parcels needs something from you').waitFor();
    assert.deepEqual(asked('server-secret-clear'), [{ server: 'crm', name: 'X-Api-Key' }]);
    assert.deepEqual(faults, []);
  });

  test('why one that was entered is not used, why it cannot be read, a refusal, a computer without a keychain', async (t) => {
    const moved = 'it was entered for https://old.swiftcart.example, and the company moved this server to https://mcp.swiftcart.example';
    const long = secret({ name: `Key${'-abcdefgh'.repeat(6)}`, description: 'word '.repeat(60), goesTo: 'npx', required: false });
    const one = await open(t, { ...needs, kind: 'local', secrets: [secret({ why: moved }), long] }, { vault: 'memory' });
    await one.page.getByText('It was entered for https://old.swiftcart.example').waitFor();
    await one.page.getByText('kept until Gatehouse ends').waitFor();
    await everyLook(one.page, 'secrets-moved');
    const why = 'The secrets of Gatehouse on this computer cannot be opened: the keychain that has their key is missing or locked.';
    const sealed = await open(t, {
      state: 'failed',
      error: `X-Api-Key cannot be read: ${why}`,
      secrets: [secret({ state: 'unavailable', why })],
    });
    await sealed.page.getByText('Cannot be read now', { exact: true }).waitFor();
    assert.equal(await sealed.page.getByLabel('Value of X-Api-Key').count(), 0, 'nothing is put in its place');
    await everyLook(sealed.page, 'secrets-unavailable');
    const fail = new Failure('bad-input', 'That cannot be the value of X-Api-Key: it has fewer than 4 characters.', 'Copy it again.');
    const refused = await open(t, { ...needs, secrets: [secret()] }, { fail });
    await refused.page.getByLabel('Value of X-Api-Key').fill('abc');
    await refused.page.getByRole('button', { name: 'Save' }).click();
    await refused.page.getByText('it has fewer than 4 characters').waitFor();
    assert.deepEqual(await axe(refused.page), []);
    assert.deepEqual([...one.faults, ...sealed.faults, ...refused.faults], []);
  });

  test('the overview and the list of servers say which server waits for it', async (t) => {
    const { page, faults } = await open(t, { ...needs, secrets: [secret()] }, { at: '#/' });
    const item = page.getByRole('list', { name: 'Needs attention' }).getByRole('link', { name: /Parcels/ });
    await item.waitFor();
    assert.match(await item.innerText(), /needs X-Api-Key from you/);
    await everyLook(page, 'secrets-overview');
    await item.focus();
    await page.keyboard.press('Enter');
    await page.getByText('Parcels needs something from you').waitFor();
    await page.evaluate('location.hash = "#/servers"');
    await page.getByText('Needs a key').waitFor();
    await everyLook(page, 'secrets-list');
    assert.deepEqual(faults, []);
  });
});
