import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Browser, Page } from 'playwright';
import type { Outputs } from '../../src/contract/contract.ts';
import { axe, launch, noChromium, openPage, openScene } from './browser.ts';
import { type SceneOptions, scene, view } from './scene.ts';
import { record } from './scene-ledger.ts';
import { longName } from './scene-servers.ts';

const token = 'gha_7Qm2xV9bTt4LkRz8Yw1pNc6JdHs3EfGu5AoXiBqZ';

/** Waits until an expression holds. Playwright's own waitForFunction evaluates a string in the page, which the security policy refuses. */
async function until(page: Page, expression: string): Promise<void> {
  for (let left = 100; left > 0; left--) {
    if (await page.evaluate(expression)) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`never true: ${expression}`);
}

describe('using the window', { skip: noChromium, concurrency: 2 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser.close());

  const open = (t: TestContext, at: string, options?: SceneOptions, size?: { width: number; height: number }) =>
    openScene(t, browser, at, options, size);
  const clipboard = (page: Page) => page.evaluate('navigator.clipboard.readText()');

  test('the launch token leaves the address bar, and a reload keeps the session', async (t) => {
    const { page, served, faults } = await open(t, '#/servers');
    await page.getByRole('heading', { name: 'Servers' }).waitFor();
    assert.ok(!page.url().includes('token'));
    await page.reload();
    await page.getByRole('heading', { name: 'Servers' }).waitFor();
    const stranger = await openPage(browser);
    t.after(stranger.close);
    await stranger.page.goto(served.origin);
    await stranger.page.getByText('gatehouse open').waitFor();
    assert.deepEqual(faults, []);
  });

  test('a person signs in to a server by keyboard, copies the address where no browser opened, and signs out', async (t) => {
    const tickets = (state: 'signed-out' | 'signed-in') =>
      view().servers.map((row) => (row.id === 'tickets' ? { ...row, signIn: { state } } : row));
    const { page, served, shown, faults } = await open(t, '#/servers/tickets', { view: { servers: tickets('signed-out') } });
    await page.getByRole('button', { name: 'Sign in' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('Finish in your browser.').waitFor();
    await page.getByRole('button', { name: 'Copy sign-in address' }).click();
    assert.match(String(await clipboard(page)), /^http:\/\/127\.0\.0\.1:4283\/sign-in\//);
    served.push({ ...shown.view, servers: tickets('signed-in') });
    await page.getByText('Signed in').waitFor();
    const left = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
    await left;
    assert.deepEqual(
      served.calls.filter(({ command }) => command.startsWith('server-sign')),
      [
        { command: 'server-sign-in', input: { server: 'tickets' } },
        { command: 'server-sign-out', input: { server: 'tickets' } },
      ],
    );
    assert.deepEqual(faults, []);
  });

  test('an agent is added: name checked, token and configuration copied, and the token is gone with the dialog', async (t) => {
    const { page, served, faults } = await open(t, '#/agents');
    await page.getByRole('button', { name: 'Add agent' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Add agent' }).click();
    await dialog.getByText('Give it a name.').waitFor();
    await dialog.getByLabel('Name', { exact: true }).fill('cursor');
    await page.keyboard.press('Enter');
    await dialog.getByText('You have an agent of this name.').waitFor();
    await dialog.getByRole('button', { name: 'codex' }).click();
    await page.keyboard.press('Tab');
    await dialog.getByRole('button', { name: 'Add agent' }).click();

    await dialog.getByText('it cannot be shown again').waitFor();
    await dialog.getByRole('button', { name: 'Copy token' }).click();
    assert.equal(await clipboard(page), token);
    await page.mouse.click(5, 5);
    assert.ok(await dialog.isVisible(), 'a click beside the dialog must not lose the token');
    assert.equal(await dialog.getByRole('tab', { name: 'Codex' }).getAttribute('aria-selected'), 'true');
    for (const name of ['Claude Code', 'VS Code', 'Cursor', 'Gemini']) {
      await dialog.getByRole('tab', { name }).click();
      await dialog.getByRole('button', { name: `Copy configuration for ${name}` }).click();
      assert.ok(String(await clipboard(page)).includes(token), name);
    }
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialog.waitFor({ state: 'hidden' });
    assert.ok(!(await page.content()).includes(token));
    assert.deepEqual(served.calls.find(({ command }) => command === 'agent-add')?.input, { name: 'codex' });
    assert.deepEqual(faults, []);
  });

  test('an agent is revoked only after a question, and Enter at first does no harm', async (t) => {
    const { page, served } = await open(t, '#/agents');
    await page.getByRole('button', { name: 'Revoke cursor' }).click();
    await page.keyboard.press('Enter');
    assert.equal(served.calls.filter(({ command }) => command === 'agent-revoke').length, 0);
    await page.getByRole('button', { name: 'Revoke cursor' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('cursor is revoked', { exact: true }).waitFor();
    assert.deepEqual(served.calls.at(-1), { command: 'agent-revoke', input: { name: 'cursor' } });
  });

  test('a denial says what was tried, the rule, the reason, and access can be asked for', async (t) => {
    const { page, served } = await open(t, '#/activity');
    await page.getByRole('link', { name: 'delete_ticket' }).first().click();
    const detail = page.getByRole('complementary', { name: 'Record' });
    await detail.getByText('cursor tried to call delete_ticket on Tickets. Your company’s policy does not allow it.').waitFor();
    await detail.getByText('R-20').waitFor();
    await detail.getByText('Tickets are records: nobody removes them by machine').waitFor();
    await detail.getByRole('button', { name: 'Request access' }).click();
    await detail.getByRole('button', { name: 'Send request' }).click();
    await detail.getByText('Say what you need it for').waitFor();
    await detail.getByLabel('What do you need it for?').fill('Duplicates of the import');
    await detail.getByRole('button', { name: 'Send request' }).click();
    await detail.getByText('REQ-1043').waitFor();
    assert.deepEqual(served.calls.at(-1)?.input, { server: 'tickets', tool: 'delete_ticket', reason: 'Duplicates of the import' });
    await page.keyboard.press('Escape');
    await detail.waitFor({ state: 'hidden' });
  });

  test('the activity is filtered by the core, and the address keeps the filter', async (t) => {
    const { page, served } = await open(t, '#/activity');
    await page.getByLabel('Decision').selectOption('deny');
    await page.getByRole('searchbox').fill('export');
    await page.getByRole('link', { name: 'export_all' }).first().waitFor();
    await page.getByRole('link', { name: 'delete_ticket' }).first().waitFor({ state: 'hidden' });
    assert.deepEqual(served.calls.at(-1)?.input, { limit: 200, decision: 'deny', text: 'export' });
    assert.match(page.url(), /#\/activity\?text=export&decision=deny/);
    await page.reload();
    await page.getByRole('link', { name: 'export_all' }).first().waitFor();
    assert.equal(await page.getByRole('searchbox').inputValue(), 'export');
  });

  test('100,000 records: a screenful of rows in the document, older ones come as one scrolls', async (t) => {
    const { page, served } = await open(t, '#/activity', { records: 100_000 });
    await page.getByText('100,000 records').waitFor();
    await page.getByRole('link', { name: 'search_tickets' }).first().waitFor();
    const list = page.getByRole('region', { name: 'Records' });
    assert.ok((await list.getByRole('listitem').count()) < 60);
    for (let screen = 0; screen < 12; screen++) {
      await page.evaluate(`document.querySelector('section[data-scroller]').scrollTo(0, 1e9)`);
      await page.waitForTimeout(60);
    }
    const pages = served.calls.filter(
      ({ command, input }) => command === 'activity-list' && (input as { before?: number }).before !== undefined,
    );
    assert.ok(pages.length >= 5, `${pages.length} more pages were read`);
    assert.equal(new Set(pages.map(({ input }) => (input as { before: number }).before)).size, pages.length, 'no page twice');
    assert.ok((await list.getByRole('listitem').count()) < 60);
  });

  test('new records appear at the top, but wait behind a pill while one reads', async (t) => {
    const { page, served, shown } = await open(t, '#/activity');
    const rows = page.getByRole('region', { name: 'Records' }).getByRole('listitem');
    await rows.first().waitFor();
    const grow = (by: number) => {
      shown.records += by;
      served.push(view({ lastCall: record(shown.records, shown.records) }, shown.records));
    };
    const top = () => rows.first().getByRole('link').getAttribute('href');
    grow(1);
    await until(page, `document.querySelector('[data-row]').getAttribute('href') === '#/activity/4211'`);
    await rows.nth(4).hover();
    grow(3);
    await page.getByRole('button', { name: '3 new' }).waitFor();
    assert.equal(await top(), '#/activity/4211', 'what is read stays where it is');
    await page.getByRole('button', { name: '3 new' }).click();
    await until(page, `document.querySelector('[data-row]').getAttribute('href') === '#/activity/4214'`);
  });

  test('the overview follows the last call as it happens', async (t) => {
    const { page, served } = await open(t, '#/');
    const path = page.getByRole('region', { name: 'Last call' });
    await path.getByText('Allowed').waitFor();
    served.push(view({ lastCall: record(4208, 4210) }));
    await path.getByText('Denied').waitFor();
    await path.getByText('not sent').waitFor();
    await path.getByText('Tickets are records: nobody removes them by machine').waitFor();
  });

  test('2,000 tools: filtered and walked by arrow keys; a name of 128 characters stays in its row', async (t) => {
    const { page } = await open(t, '#/servers/tickets', { tools: 2000, longNames: true });
    const rows = page.getByRole('list', { name: 'Tools' }).getByRole('listitem');
    await rows.first().waitFor();
    assert.ok((await rows.count()) < 60);
    assert.equal(await page.getByText(longName).count(), 1);
    await rows.first().getByRole('link').focus();
    await page.keyboard.press('End');
    await until(page, `document.activeElement.textContent.includes('tool_2000')`);
    await page.keyboard.press('ArrowUp');
    await until(page, `document.activeElement.textContent.includes('tool_1999')`);
    await page.getByRole('button', { name: /^Denied/ }).click();
    await page.getByRole('searchbox').fill('tool_0016');
    await until(page, `document.querySelectorAll('[data-row]').length === 1`);
    await page.getByRole('searchbox').fill('nothing like it');
    await page.getByRole('button', { name: 'Clear filter' }).click();
    assert.ok((await rows.count()) > 5);
  });

  test('by keyboard alone: skip link, pages, a server, a tool and back, the palette', async (t) => {
    const { page } = await open(t, '#/');
    await page.getByText('Last call').first().waitFor();
    const focused = () => page.evaluate('document.activeElement.textContent');
    await page.reload();
    await page.getByText('Last call').first().waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to content');
    for (let step = 0; step < 8 && (await focused()) !== 'Servers'; step++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Servers' }).waitFor();
    for (let step = 0; step < 12 && !String(await focused()).startsWith('TTickets'); step++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Tickets' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('assign');
    await page.getByRole('option', { name: /assign_ticket.*tickets/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'assign_ticket' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('copy gateway');
    await page.keyboard.press('Enter');
    await page.getByText('Gateway address copied', { exact: true }).waitFor();
    assert.equal(await clipboard(page), 'http://127.0.0.1:4283/mcp');
  });

  test('the palette finds one tool among thousands, in the order of the core, by keyboard', async (t) => {
    const { page, served, faults } = await open(t, '#/', { tools: 300 });
    await page.getByText('Last call').first().waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('tool_0');
    const tools = page.getByRole('group', { name: 'Tools' }).getByRole('option');
    await tools.first().waitFor();
    assert.equal(await tools.count(), 20);
    const { tools: ranked } = scene({ tools: 300 }).answer('tools-search', { text: 'tool_0', limit: 20 }) as Outputs['tools-search'];
    assert.deepEqual(
      (await tools.allInnerTexts()).map((text) => /tool_\d+/.exec(text)?.[0]),
      ranked.map(({ name }) => name),
    );
    await page.keyboard.type('123');
    await page.getByRole('option', { name: /tool_0123.*releases/ }).waitFor();
    assert.deepEqual(served.calls.at(-1)?.input, { text: 'tool_0123', limit: 20 });
    assert.deepEqual(await axe(page), []);
    await page.keyboard.press('ArrowDown');
    served.push(view());
    await page.waitForTimeout(200);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'tool_0123' }).waitFor();
    assert.match(page.url(), /#\/servers\/crm\/tools\/tool_0123$/);
    assert.deepEqual(faults, []);
  });

  test('the ledger is verified and exported', async (t) => {
    const { page } = await open(t, '#/activity');
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('4,210 records checked').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
    await page.getByRole('button', { name: 'Export' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: /JSON lines/ }).click();
    assert.match((await download).suggestedFilename(), /^gatehouse-ledger-\d{4}-\d\d-\d\d\.jsonl$/);
    await page.getByText('2 records, in your downloads.', { exact: true }).waitFor();
  });

  test('a host that goes away is said so, and its return is noticed without a reload', async (t) => {
    const { page, served } = await open(t, '#/servers');
    await page.getByRole('heading', { name: 'Servers' }).waitFor();
    served.cut();
    await page.getByText('Gatehouse is not answering.').waitFor();
    served.mend();
    await page.getByText('Gatehouse is not answering.').waitFor({ state: 'hidden', timeout: 15_000 });
  });

  test('a slow answer gets a skeleton in the layout of the list, and nothing moves when it comes', async (t) => {
    const { page, served } = await open(t, '#/servers');
    await page.getByRole('heading', { name: 'Servers' }).waitFor();
    await page.evaluate(
      `globalThis.shift = 0; new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.shift += entry.value; }).observe({ type: 'layout-shift' })`,
    );
    served.delay = 700;
    await page.evaluate(`location.hash = '#/servers/tickets/tools'`);
    await page.locator('.animate-wait').first().waitFor();
    await page.getByRole('link', { name: /search_tickets/ }).waitFor();
    await page.waitForTimeout(100);
    assert.ok(Number(await page.evaluate('globalThis.shift')) < 0.02);
  });

  test('over the desktop bridge nothing is asked of the network, and copying needs no permission', async (t) => {
    const { page, faults } = await open(t, '#/');
    await page.addInitScript(`
      const shown = ${JSON.stringify(view())};
      globalThis.gatehouse = {
        call: async (command) => ({ ok: true, value: command === 'usage-get' ? { range: 'day', buckets: [], byTool: [], byAgent: [] } : {} }),
        watch: (listener) => { listener(shown); return () => {}; },
      };
      navigator.clipboard.writeText = () => Promise.reject(new Error('denied'));
    `);
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.reload();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByRole('button', { name: 'Copy gateway address' }).click();
    await page.getByText('Copied').first().waitFor();
    assert.equal(await clipboard(page), 'http://127.0.0.1:4283/mcp');
    assert.deepEqual(
      asked.filter((path) => ['/call', '/watch', '/session'].includes(path)),
      [],
    );
    assert.deepEqual(faults, []);
  });

  test('sign-in: browser and code, cancel, and what went wrong', async (t) => {
    const { page, served } = await open(t, '#/', { view: { identity: { state: 'signed-out' } } });
    await page.getByRole('button', { name: 'Use a code on another device' }).click();
    await page.waitForTimeout(50);
    assert.deepEqual(served.calls.at(-1), { command: 'sign-in', input: { method: 'device' } });
    served.push(
      view({ identity: { state: 'signing-in', prompt: { method: 'browser', url: 'https://login.northwind.example/authorize' } } }),
    );
    await page.getByRole('button', { name: 'Copy address' }).click();
    assert.equal(await clipboard(page), 'https://login.northwind.example/authorize');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.waitForTimeout(50);
    assert.equal(served.calls.at(-1)?.command, 'sign-in-cancel');
    served.push(
      view({
        identity: { state: 'signed-out', error: { code: 'denied', message: 'The sign-in was refused.', fix: 'Ask IT for access.' } },
      }),
    );
    await page.getByText('Ask IT for access.').waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    served.push(view());
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
});
