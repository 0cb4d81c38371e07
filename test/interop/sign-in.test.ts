import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { AgentRow } from '../../src/contract/agents.ts';
import { agentHome, allowByCommand, cannotDrive, terminal } from '../support/agent-sign-in.ts';
import { eventually, startDemo } from '../support/demo.ts';
import { openModel } from '../support/model.ts';
import { type RealAgents, realAgents, runAgent, scriptedCodex } from '../support/real-agents.ts';
import { axe, launch, noChromium, openPage } from '../web/browser.ts';

/** Real agents that know nothing but the gateway's address: they sign in by themselves, and the person allows them. */

let demo: Awaited<ReturnType<typeof startDemo>>;
before(async () => {
  demo = await startDemo({ account: 'engineer' });
});
after(() => demo?.stop());

const at = (host: string) => demo.mcp.replace('127.0.0.1', host);
const listed = async (name: string) => (await demo.json<AgentRow[]>('agents', 'list')).find((agent) => agent.name === name);
const recorded = async (name: string) =>
  (await demo.gatehouse('ledger', 'export')).stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { agent: string; method: string; target: string; decision: string })
    .filter(({ agent, method }) => agent === name && method === 'tools/call')
    .map(({ target, decision }) => `${decision} ${target}`);

async function installed(t: TestContext): Promise<RealAgents | undefined> {
  const agents = await realAgents();
  if (typeof agents !== 'string') return agents;
  t.skip(agents);
  return undefined;
}

/** mcp-remote as a stdio-only agent starts it; `connected` resolves once it has signed in. */
async function mcpRemote(t: TestContext, url: string) {
  const { home, env } = await agentHome(t);
  const agent = new Client({ name: 'stdio-only', version: '1.0.0' });
  t.after(() => agent.close());
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [resolve('node_modules/mcp-remote/dist/proxy.js'), url, '--transport', 'http-only'],
    env: { ...env, MCP_REMOTE_CONFIG_DIR: home },
    stderr: 'pipe',
  });
  let said = '';
  transport.stderr!.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const connected = agent.connect(transport, { timeout: 120_000 });
  connected.catch(() => {});
  // It looks for a browser in ways of its own; where it fails, the person copies the address.
  const browser = () => eventually(() => /^http:.*\/authorize\?\S+/m.exec(said)?.[0], 'it says where to sign in', 60_000);
  return { agent, connected, browser };
}

test('mcp-remote at 127.0.0.1: allowed in the window, in Chromium, for two servers; then limited and revoked there', {
  skip: cannotDrive || noChromium,
  timeout: 200_000,
}, async (t) => {
  const { agent, connected, browser } = await mcpRemote(t, at('127.0.0.1'));
  const chromium = await launch();
  t.after(() => chromium.close());
  const window = await openPage(chromium);
  await window.page.goto(demo.ui);
  await window.page.getByRole('heading', { name: 'Overview' }).waitFor();

  // The agent's browser: it waits, and can do nothing else.
  const tab = await openPage(chromium);
  await tab.page.goto(await browser());
  await tab.page.getByRole('heading', { name: 'Open Gatehouse to allow this agent' }).waitFor();
  assert.equal(await tab.page.locator('button, form, input').count(), 0);
  const code = (await tab.page.locator('strong').innerText()).trim();

  // The person, in Gatehouse.
  await window.page.getByText(code).waitFor();
  await window.page.getByRole('link', { name: 'Review' }).click();
  const dialog = window.page.getByRole('dialog', { name: 'Allow “MCP CLI Proxy”?' });
  await dialog.getByText(code).waitFor();
  await dialog.getByText('Itself only: it registered itself').waitFor();
  // mcp-remote runs on Node, and listens where the answer goes.
  await dialog.getByText(/The program "node" \(process \d+\)/).waitFor();
  assert.deepEqual(await axe(tab.page), []);
  assert.deepEqual(tab.faults, [], 'what comes later is the agent’s own page');
  await dialog.getByLabel('Name').fill('Remote');
  await dialog.getByLabel('Only these').check();
  await dialog.getByLabel('Everything').check();
  await dialog.getByLabel('Tickets').check();
  await dialog.getByRole('button', { name: 'Allow', exact: true }).click();
  await window.page.getByText('Remote is allowed', { exact: true }).waitFor();

  // The browser goes back to the agent by itself.
  await tab.page.getByText('Authorization successful').waitFor();
  await connected;
  assert.deepEqual(window.faults, []);
  const names = async () => new Set((await agent.listTools()).tools.map((tool) => tool.name.split('__')[0]));
  assert.deepEqual(await names(), new Set(['everything', 'tickets']));
  assert.match(JSON.stringify(await agent.callTool({ name: 'everything__echo', arguments: { message: 'by itself' } })), /Echo: by itself/);
  assert.deepEqual(await recorded('Remote'), ['allow echo']);
  const row = await listed('Remote');
  assert.deepEqual([row?.servers?.toSorted(), row?.signIn?.open], [['everything', 'tickets'], true]);
  const found = await demo.json<{ server: string }[]>('search', 'file', '--agent', 'Remote');
  assert.ok(!found.some(({ server }) => server === 'filesystem'));

  await window.page.evaluate(`location.hash = '#/agents'`);
  await window.page.getByRole('button', { name: 'What Remote may reach' }).click();
  await window.page.getByRole('dialog').getByLabel('Tickets').uncheck();
  await window.page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await window.page.getByText('Only Everything', { exact: true }).waitFor();
  assert.deepEqual(await names(), new Set(['everything']));

  await window.page.getByRole('button', { name: 'Revoke Remote' }).click();
  await window.page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await window.page.getByText('Remote is revoked', { exact: true }).waitFor();
  await assert.rejects(agent.callTool({ name: 'everything__echo', arguments: { message: 'late' } }, undefined, { timeout: 4_000 }));
  assert.deepEqual(await recorded('Remote'), ['allow echo']);
});

test('mcp-remote at localhost: allowed on the command line, under a name, for a day', {
  skip: cannotDrive,
  timeout: 200_000,
}, async (t) => {
  const { agent, connected, browser } = await mcpRemote(t, at('localhost'));
  await allowByCommand(demo, await browser(), '--name', 'Local', '--days', '1');
  await connected;
  assert.match(JSON.stringify(await agent.callTool({ name: 'everything__echo', arguments: { message: 'here' } })), /Echo: here/);
  const row = await listed('Local');
  assert.ok(Math.abs(Date.parse(row!.expiresAt!) - Date.now() - 86_400_000) < 60_000);
  assert.deepEqual(await recorded('Local'), ['allow echo']);
});

for (const host of ['127.0.0.1', 'localhost'])
  test(`Claude Code at ${host}: signs in with its own client document, without a network, and calls a tool`, {
    skip: cannotDrive || (terminal === undefined ? 'there is no "script" here to give it a terminal' : false),
    timeout: 300_000,
  }, async (t) => {
    const agents = await installed(t);
    if (!agents) return;
    const { home, env: plain, url } = await agentHome(t);
    const env = {
      ...plain,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      DISABLE_ERROR_REPORTING: '1',
      DISABLE_TELEMETRY: '1',
      ENABLE_TOOL_SEARCH: 'false',
      MCP_CONNECTION_NONBLOCKING: 'false',
      MCP_CONNECT_TIMEOUT_MS: '30000',
    };
    const run = (...args: string[]) => runAgent([...agents.claude, ...args], { cwd: home, env });
    await run('mcp', 'add', '--transport', 'http', 'gw', at(host));
    const login = runAgent([terminal!, '-qec', [...agents.claude, 'mcp', 'login', 'gw'].join(' '), '/dev/null'], { cwd: home, env });
    await allowByCommand(demo, await url());
    const { code, stdout } = await login;
    assert.equal(code, 0, stdout);
    assert.match(stdout, /Authenticated with "gw"/);
    const row = await listed('Claude Code');
    assert.deepEqual(row?.signIn, { client: 'https://claude.ai/oauth/claude-code-client-metadata', open: true });

    const before = (await recorded('Claude Code')).length;
    const model = await openModel([{ tool: 'everything__echo', args: { message: `from ${host}` } }]);
    t.after(() => model.close());
    const done = await runAgent([...agents.claude, '-p', 'Go.', '--output-format', 'json', '--allowedTools', 'mcp__gw'], {
      cwd: home,
      env: { ...env, ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'sk-scripted' },
    });
    assert.match(`${done.stdout}${done.stderr}`, new RegExp(`Echo: from ${host}`));
    assert.deepEqual((await recorded('Claude Code')).slice(before), ['allow echo']);
    assert.equal((await listed('Claude Code'))?.client?.name, 'claude-code');
  });

for (const host of ['127.0.0.1', 'localhost'])
  test(`Codex at ${host}: signs in as it is added, without a network, and calls a tool`, {
    skip: cannotDrive,
    timeout: 300_000,
  }, async (t) => {
    const agents = await installed(t);
    if (!agents) return;
    const { home, env, url } = await agentHome(t);
    const model = await openModel([{ tool: 'everything__echo', args: { message: `from ${host}` } }]);
    t.after(() => model.close());
    await scriptedCodex(home, model.url);
    const adding = runAgent([...agents.codex, 'mcp', 'add', 'gw', '--url', at(host)], { cwd: home, env });
    await allowByCommand(demo, await url());
    const added = await adding;
    assert.match(`${added.stdout}${added.stderr}`, /Successfully logged in/);
    const row = await listed('Codex');
    assert.deepEqual(row?.signIn, { client: 'https://chatgpt.com/oauth/codex/client.json', open: true });

    const before = (await recorded('Codex')).length;
    const approve = ['-c', 'mcp_servers.gw.default_tools_approval_mode="approve"', '-c', 'mcp_servers.gw.required=true'];
    const done = await runAgent([...agents.codex, 'exec', '--skip-git-repo-check', '--json', ...approve, 'Go.'], { cwd: home, env });
    assert.match(`${done.stdout}${done.stderr}`, new RegExp(`Echo: from ${host}`));
    assert.deepEqual((await recorded('Codex')).slice(before), ['allow echo']);
  });

test('opencode: registers itself, signs in and connects', {
  skip: cannotDrive || (terminal === undefined ? 'there is no "script" here to give it a terminal' : false),
  timeout: 300_000,
}, async (t) => {
  const agents = await installed(t);
  if (!agents) return;
  const { home, env, url } = await agentHome(t);
  await mkdir(join(home, '.config', 'opencode'), { recursive: true });
  await writeFile(
    join(home, '.config', 'opencode', 'opencode.json'),
    JSON.stringify({ autoupdate: false, mcp: { gw: { type: 'remote', url: demo.mcp, enabled: true } } }),
  );
  const login = runAgent([terminal!, '-qec', [...agents.opencode, 'mcp', 'auth', 'gw'].join(' '), '/dev/null'], { cwd: home, env });
  await allowByCommand(demo, await url());
  const { stdout } = await login;
  const list = await runAgent([...agents.opencode, 'mcp', 'list'], { cwd: home, env });
  assert.match(`${list.stdout}${list.stderr}`, /gw .*connected/, stdout);
  const row = await eventually(() => listed('OpenCode'), 'it is an agent');
  assert.deepEqual([row.signIn?.open, row.client?.name], [true, 'opencode']);
});

test('Gemini CLI: asked to in its own terminal, registers itself, signs in and connects', {
  skip: cannotDrive || (terminal === undefined ? 'there is no "script" here to give it a terminal' : false),
  timeout: 200_000,
}, async (t) => {
  const agents = await installed(t);
  if (!agents) return;
  const { home, env, url } = await agentHome(t);
  await mkdir(join(home, '.gemini'));
  const settings = {
    mcpServers: { gw: { httpUrl: demo.mcp } },
    security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
    general: { disableAutoUpdate: true },
    privacy: { usageStatisticsEnabled: false },
    telemetry: { enabled: false },
    ui: { theme: 'Default' },
  };
  await writeFile(join(home, '.gemini', 'settings.json'), JSON.stringify(settings));
  const child = spawn(terminal!, ['-qec', `stty rows 40 cols 120; ${agents.gemini.join(' ')}`, '/dev/null'], {
    cwd: home,
    env: { ...env, GEMINI_API_KEY: 'scripted' },
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  t.after(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  const shows = (words: string) => eventually(() => said.includes(words), words, 60_000);
  await shows('Type your message');
  // It takes a key at a time, as from a person; all at once would be a text that is pasted.
  for (const key of '/mcp auth gw') {
    child.stdin.write(key);
    await pause(50);
  }
  await pause(1_000);
  child.stdin.write('\r');
  await shows('Do you want to continue?');
  await pause(500);
  child.stdin.write('\r');
  await allowByCommand(demo, await url(), '--name', 'Gemini');
  const row = await eventually(
    async () => {
      const agent = await listed('Gemini');
      return agent?.client && agent;
    },
    'it has connected',
    30_000,
  );
  assert.match(row.client!.name, /gemini/);
  assert.equal(row.signIn?.open, true);
});
