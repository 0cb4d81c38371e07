import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Browser, Page } from 'playwright';
import type { ToolHit } from '../../src/contract/servers.ts';
import { parcelsKey } from '../../src/demo/servers/parcels.ts';
import { startDemo } from '../support/demo.ts';
import { axe, launch, noChromium, openPage, overflow, type Watched } from './browser.ts';

/** The built product, all of it, used through its window in the order in which a person would: nothing is mocked. Each test goes on where the one before ended. */
describe('the window on the real demo', { skip: noChromium }, () => {
  let folder: string;
  let company: string;
  let demo: Awaited<ReturnType<typeof startDemo>>;
  let browser: Browser;
  let shown: Watched;
  let page: Page;
  let token = '';
  let agent: Client;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-window-'));
    company = join(folder, 'company');
    await cp(resolve('resources/demo'), company, { recursive: true });
    [demo, browser] = await Promise.all([startDemo({ company, dataDir: join(folder, 'data') }), launch()]);
    shown = await openPage(browser);
    page = shown.page;
    await page.goto(demo.ui);
  });
  after(async () => {
    await agent?.close().catch(() => {});
    await browser?.close();
    await demo?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const at = (hash: string) => page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  const heading = (name: string) => page.getByRole('heading', { name, exact: true, level: 1 });
  const sound = async (step: string) => {
    assert.deepEqual(await axe(page), [], step);
    assert.equal(await overflow(page), 0, step);
    assert.deepEqual(shown.faults, [], step);
  };
  const call = (name: string, args: Record<string, unknown>) => agent.callTool({ name, arguments: args });
  const text = (result: Awaited<ReturnType<typeof call>>) => (result.content as { text: string }[])[0]!.text;

  /** What the palette finds while it is open. */
  const look = async (words: string) => {
    const answer = page.waitForResponse((response) => response.request().postData()?.includes(`"${words}"`) === true);
    await page.getByRole('combobox').fill(words);
    await (await answer).finished();
    await page.waitForTimeout(200);
    return (await page.getByRole('group', { name: 'Tools' }).getByRole('option').allInnerTexts()).join(' | ');
  };

  /** From the window to the identity provider's own pages, and back. */
  const choose = async (account: RegExp) => {
    const [idp] = await Promise.all([page.context().waitForEvent('page'), page.getByRole('link', { name: 'Open' }).click()]);
    await idp.waitForURL(/interaction/);
    assert.ok(idp.url().startsWith(demo.issuer));
    await idp.getByRole('button', { name: account }).click();
    await heading('Overview').waitFor();
    await idp.locator('body', { hasText: /signed in/i }).waitFor();
    await idp.close();
  };

  test('a person signs in: from the window to the identity provider’s pages and back', async () => {
    await heading('Sign in to Lanternworks').waitFor();
    await sound('signed out');
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await heading('Continue in your browser').waitFor();
    await sound('signing in');
    await choose(/Ines Varga/);
  });

  test('the overview shows the person, their groups, the policy and the gateway', async () => {
    await page.getByText('Ines Varga · apollo, engineering, staff · Lanternworks').waitFor();
    await page.getByText('Connect your first agent').waitFor();
    await page.getByText('Up to date').waitFor();
    await page.getByText(demo.mcp, { exact: true }).waitFor();
    await sound('overview');
  });

  test('the servers are exactly the engineer’s, and a server shows what is allowed, what depends and why', async () => {
    await at('#/servers');
    await page.getByText('6 servers that your company has approved for you').waitFor();
    const rows = page.getByRole('list', { name: 'Servers' }).getByRole('link');
    const titles = (await rows.allInnerTexts()).map((row) =>
      row
        .split('\n')
        .find((line) => line.trim().length > 1)!
        .trim(),
    );
    assert.deepEqual(titles.toSorted(), ['Everything', 'Memory', 'Parcels', 'Releases', 'Tickets', 'Workshop files']);
    await sound('servers');

    await at('#/servers/payroll');
    await page.getByText('This server is not there for you').waitFor();

    await at('#/servers/tickets');
    await page.getByRole('link', { name: /list_tickets.*Allowed/s }).waitFor();
    await sound('server');
    await page.getByRole('link', { name: /close_ticket.*Conditional/s }).click();
    const detail = page.getByRole('complementary', { name: 'Tool' });
    await detail.getByText('TIC-3').waitFor();
    await detail.getByText('A ticket is closed by the team whose project it belongs to.').waitFor();
    await sound('tool');
    const args = detail.getByLabel('Would a call be allowed?');
    for (const [input, said] of [
      ['{ nonsense', 'This is not a JSON object.'],
      ['{"id": "T-1", "project": "zephyr", "resolution": "x"}', 'Denied'],
      ['{"id": "T-1", "project": "apollo", "resolution": "x"}', 'Allowed'],
    ] as const) {
      await args.fill(input);
      await detail.getByRole('button', { name: 'Check' }).click();
      await detail.getByText(said, { exact: true }).waitFor();
    }
    await sound('tool, arguments tried');
    for (const tab of ['prompts', 'resources', 'use']) {
      await at(`#/servers/tickets/${tab}`);
      await page.locator('nav[aria-label="Parts of this server"] a[aria-current]').waitFor();
      await sound(tab);
    }
  });

  test('the palette finds a tool by what it does, with a slip of the pen, and none that the policy hides', async () => {
    await at('#/');
    await page.keyboard.press('Control+k');
    assert.match(await look('clsoe tikcet'), /^close_ticket/);
    await sound('palette');
    assert.match(await look('sum of numbers'), /^get-sum/);
    for (const hidden of ['get_payslip', 'payroll']) assert.doesNotMatch(await look(hidden), /payroll|payslip/, hidden);
    await look('close ticket');
    await page.keyboard.press('Enter');
    await page.getByRole('complementary', { name: 'Tool' }).getByText('TIC-3').waitFor();
  });

  test('an agent is added; with the token that is shown once it calls a tool, and the call arrives live', async () => {
    await at('#/agents');
    await page.getByRole('button', { name: 'Add agent' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('Claude Code');
    await page.keyboard.press('Enter');
    await dialog.getByText('it cannot be shown again').waitFor();
    await sound('token');
    await dialog.getByRole('button', { name: 'Copy token' }).click();
    await dialog.getByText('Copied').first().waitFor();
    token = (await page.evaluate('navigator.clipboard.readText()')) as string;
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialog.waitFor({ state: 'hidden' });
    assert.ok(!(await page.content()).includes(token), 'the token is gone with its dialog');

    agent = new Client({ name: 'claude-code', version: '2.4.1' });
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await at('#/activity');
    await page.getByText('Nothing has happened yet').waitFor();
    await agent.connect(new StreamableHTTPClientTransport(new URL(demo.mcp), { requestInit }) as never);
    assert.match(text(await call('everything__echo', { message: 'through the gate' })), /through the gate/);
    await page.getByRole('region', { name: 'Records' }).getByRole('link', { name: /echo/ }).waitFor();
    await sound('activity');

    await at('#/');
    const path = page.getByRole('region', { name: 'Last call' });
    for (const words of ['Claude Code', 'claude-code 2.4.1', 'Everything', 'echo', 'Allowed'])
      await path.getByText(words, { exact: true }).waitFor();
    await sound('overview, a call');
    await at('#/agents');
    await page.getByText('1 open').waitFor();
    await sound('agents');
  });

  test('a denied call says on the overview and in its record what was tried, which rule and why', async () => {
    await at('#/');
    const denied = await call('tickets__close_ticket', { id: 'T-1', project: 'zephyr', resolution: 'done' });
    assert.equal(denied.isError, true);
    const path = page.getByRole('region', { name: 'Last call' });
    await path.getByText('Denied', { exact: true }).waitFor();
    await path.getByText('not sent').waitFor();
    await path.getByRole('link', { name: 'Details' }).click();
    const record = page.getByRole('complementary', { name: 'Record' });
    await record.getByText('Claude Code tried to call close_ticket on Tickets.').waitFor();
    await record.getByText('With other arguments TIC-3 allows it: A ticket is closed by the team whose project it belongs to.').waitFor();
    await record.getByText('Refused, nothing was sent').waitFor();
    await sound('record');
    await record.getByRole('button', { name: 'Request access' }).click();
    await record.getByRole('textbox').fill('The spring campaign asked me to tidy up.');
    await record.getByRole('button', { name: 'Send request' }).click();
    await record.getByText('Your request was sent.').waitFor();
    await sound('record, requested');
  });

  test('the activity is filtered, verified and taken along', async () => {
    await call('filesystem__list_allowed_directories', {});
    await at('#/activity');
    const rows = page.getByRole('region', { name: 'Records' }).getByRole('listitem');
    await page.getByText('3 records of what your agents did').waitFor();
    await page.getByLabel('Decision').selectOption('deny');
    await page.getByRole('link', { name: /echo/ }).waitFor({ state: 'hidden' });
    await page.getByRole('link', { name: /close_ticket/ }).waitFor();
    assert.equal(await rows.count(), 1);
    await page.getByLabel('Decision').selectOption('');
    await page.getByRole('searchbox').fill('allowed_dir');
    await page.getByRole('link', { name: /close_ticket/ }).waitFor({ state: 'hidden' });
    await page.getByRole('link', { name: /list_allowed_directories/ }).waitFor();
    assert.equal(await rows.count(), 1);
    await page.getByRole('searchbox').fill('');
    await page.getByRole('button', { name: 'Verify' }).click();
    await page.getByText('3 records checked from the first to the last.').waitFor();
    await sound('verified');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Export' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: /JSON lines/ }).click();
    const lines = (await readFile(await (await download).path(), 'utf8')).trim().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { target: string }).target),
      ['list_allowed_directories', 'close_ticket', 'echo'],
    );
    await at('#/settings');
    await page.getByText('apollo, engineering, staff').waitFor();
    await sound('settings');
  });

  test('a policy that changes in the company’s folder changes the window within seconds', async () => {
    await at('#/servers/tickets');
    await page.getByRole('link', { name: /comment_ticket.*Allowed/s }).waitFor();
    const file = join(company, 'policies', 'tickets.cedar');
    const ban =
      '@id("TIC-9")\n@reason("Comments are closed for the migration.")\nforbid (principal, action == Action::"call", resource == Tool::"tickets/comment_ticket");\n';
    await writeFile(file, `${await readFile(file, 'utf8')}\n${ban}`);
    await page.getByRole('link', { name: /comment_ticket.*Denied/s }).waitFor({ timeout: 15_000 });
    await page.getByRole('link', { name: /comment_ticket/ }).click();
    await page.getByText('Comments are closed for the migration.').last().waitFor();
    await sound('after the change');
    await assert.rejects(call('tickets__comment_ticket', { id: 'T-1', text: 'x' }), /Unknown tool/);
    await page.keyboard.press('Control+k');
    assert.doesNotMatch(await look('comment_ticket'), /comment_ticket/);
    await page.keyboard.press('Escape');
    assert.equal((await demo.json<ToolHit[]>('search', 'comment_ticket')).filter(({ name }) => name === 'comment_ticket').length, 0);
  });

  test('a server that fails is named on the overview and on its page, with what to do; its calls say so too', async () => {
    const rows = execFileSync('pgrep', ['-P', String(demo.child.pid), '-f', 'server-everything'], { encoding: 'utf8' });
    process.kill(Number(rows.trim()), 'SIGKILL');
    for (const message of ['one', 'two']) assert.equal((await call('everything__echo', { message })).isError, true);
    await at('#/');
    await page
      .getByRole('list', { name: 'Needs attention' })
      .getByRole('link', { name: /Everything/ })
      .click();
    await page.getByText('Lost the connection.').waitFor();
    await page.getByText('Retrying').waitFor();
    await sound('server down');
    await page.getByRole('button', { name: 'Reconnect' }).click();
    await page.getByText('Lost the connection.').waitFor({ state: 'hidden' });
    await page.getByText('Ready', { exact: true }).waitFor();
    await at('#/activity?outcome=error&server=everything');
    await page.getByRole('link', { name: /echo/ }).first().click();
    const record = page.getByRole('complementary', { name: 'Record' });
    await record.getByText(/^The (server could not be reached|connection broke):/).waitFor();
    await sound('record of a failure');
  });

  test('a host that is killed is said to be lost; it comes back, and so do the window and the agent', async () => {
    await at('#/');
    assert.deepEqual(shown.faults, []);
    const banner = page.getByRole('status').filter({ hasText: 'What you see may be old.' });
    const lost = banner.waitFor({ timeout: 20_000 });
    process.kill(demo.hostPid(), 'SIGKILL');
    await lost;
    await banner.waitFor({ state: 'hidden' });
    await page
      .getByRole('img', { name: /Calls in the last day/ })
      .or(page.getByText('Calls in the last day'))
      .first()
      .waitFor();
    assert.equal(await page.getByText('could not be read').count(), 0, 'what failed meanwhile was asked again by itself');
    await heading('Overview').waitFor();
    await page.getByText('Up to date').waitFor();
    // What the browser itself says of requests that found nobody is no fault of ours.
    assert.deepEqual(
      shown.faults.splice(0).filter((fault) => !/ERR_|Failed to load resource/.test(fault)),
      [],
    );
    assert.match(text(await call('filesystem__list_allowed_directories', {})), /files/);
    await page.getByRole('region', { name: 'Last call' }).getByText('list_allowed_directories', { exact: true }).waitFor();
    await sound('after the return');
  });

  test('a revoked agent is out at once, also in its open session', async () => {
    await at('#/agents');
    await page.getByRole('button', { name: 'Revoke Claude Code' }).click();
    await sound('revoking');
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByText('No agent is connected yet').waitFor();
    const answer = await fetch(demo.mcp, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: '{}' });
    assert.equal(answer.status, 401);
    await assert.rejects(call('everything__echo', { message: 'still here?' }), { code: 401 });
    await sound('revoked');
  });

  test('signed out, the window shows nothing of the company, and signing in again brings it back', async () => {
    await at('#/settings');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click();
    await heading('Sign in to Lanternworks').waitFor();
    await page.getByRole('link', { name: 'Also end the browser session' }).waitFor();
    await sound('signed out again');
    const status = await demo.json<{ servers: unknown[]; bundle: { state: string } }>('status');
    assert.deepEqual([status.servers, status.bundle.state], [[], 'none']);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await choose(/Malik Osei/);
    await page.getByText('Malik Osei · marketing, staff, zephyr · Lanternworks').waitFor();
    await at('#/servers');
    await page
      .getByRole('link', { name: /Customers|CRM/i })
      .first()
      .waitFor();
    await sound('another person');
  });

  test('the key that a server needs is entered on its page, and its tools work then', async () => {
    await at('#/servers/parcels');
    await page.getByText('Parcels needs something from you').waitFor();
    await sound('a key is missing');
    await page.getByLabel('Value of X-Api-Key').fill(parcelsKey);
    await page.keyboard.press('Enter');
    await page.getByText('What you have given to this server').waitFor();
    await sound('a key is set');
    const said = await demo.gatehouse('call', 'parcels', 'track_parcel', '{"id":"P-502"}');
    assert.match(said.stdout, /on its way/);
    assert.ok(!(await page.content()).includes(`value="${parcelsKey}"`));
  });
});
