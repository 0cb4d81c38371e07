import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { eventually, startDemo } from '../support/demo.ts';
import { openModel, type Step } from '../support/model.ts';
import { type RealAgents, realAgents, runAgent, scriptedCodex } from '../support/real-agents.ts';

type Era = 'legacy' | 'modern';

const denied = { id: 'T-1', project: 'zephyr', resolution: 'done' };
const denialText = /close_ticket" on Tickets: company policy does not allow it\. .*TIC-3/;

/** A demo, an agent's credential in it, and what the agent did there. */
async function setUp(t: TestContext, name: string, company?: string) {
  const demo = await startDemo({ account: 'engineer', ...(company === undefined ? {} : { company }) });
  t.after(() => demo.stop());
  const home = await mkdtemp(join(tmpdir(), 'gatehouse-agent-'));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  const { token, url } = await demo.json<{ token: string; url: string }>('agents', 'add', name);
  return {
    home,
    token,
    url,
    /** Kills Gatehouse as a crash would, and waits until it answers again at the same address. */
    async restart() {
      // What was answered in the last few milliseconds may not be on the disk yet; verifying writes it first.
      await demo.json('ledger', 'verify');
      const old = demo.hostPid();
      process.kill(old, 'SIGKILL');
      const health = () => fetch(new URL('/health', url)).then((response) => response.ok);
      await eventually(
        async () => ((await health().catch(() => false)) && demo.hostPid() !== old) || undefined,
        'Gatehouse is back',
        20_000,
      );
    },
    /** Client and era as Gatehouse saw them, and the calls that the ledger holds. */
    async recorded() {
      const [agent] = await demo.json<{ client: { name: string; version: string }; era: Era }[]>('agents', 'list');
      const calls = (await demo.gatehouse('ledger', 'export')).stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { seq: number; method: string; target: string; decision: string })
        .filter(({ method }) => method === 'tools/call')
        .toSorted((a, b) => a.seq - b.seq)
        .map(({ target, decision }) => `${decision} ${target}`);
      return { client: agent?.client.name, era: agent?.era, calls };
    },
  };
}

async function installed(t: TestContext): Promise<RealAgents | undefined> {
  const agents = await realAgents();
  if (typeof agents !== 'string') return agents;
  t.skip(agents);
  return undefined;
}

/** A call, a denial, a call after a restart: the whole story of one agent process. */
const story = (restart: () => Promise<void>): Step[] => [
  { tool: 'everything__echo', args: { message: 'first' } },
  { tool: 'tickets__close_ticket', args: denied },
  { tool: 'everything__echo', args: { message: 'after the restart' }, before: restart },
];
const storyCalls = ['allow echo', 'deny close_ticket', 'allow echo'];

async function modelFor(t: TestContext, script: Step[]) {
  const model = await openModel(script);
  t.after(() => model.close());
  const outside = { HTTP_PROXY: model.url, HTTPS_PROXY: model.url, NO_PROXY: '127.0.0.1,localhost' };
  return { ...model, env: { ...outside, http_proxy: model.url, https_proxy: model.url, no_proxy: outside.NO_PROXY } };
}

function assertStory({ turns, outside }: Pick<Awaited<ReturnType<typeof openModel>>, 'turns' | 'outside'>, said: string): void {
  assert.deepEqual([...outside], [], 'nothing but loopback is asked for');
  assert.equal(turns.length, 4, said);
  assert.ok(turns[0]!.offered.some((name) => name.endsWith('filesystem__read_text_file')));
  assert.ok(!turns[0]!.offered.some((name) => name.includes('payroll__')), 'what is hidden is not offered to the model');
  assert.match(turns[1]!.saw ?? '', /Echo: first/);
  assert.match(turns[2]!.saw ?? '', denialText);
  assert.match(turns[3]!.saw ?? '', /Echo: after the restart/);
  assert.match(said, /saw: .*Echo: after the restart/s);
}

const path = '/usr/local/bin:/usr/bin:/bin';

test('Claude Code, headless: lists, calls, is denied, goes on after a restart; in the modern era', { timeout: 400_000 }, async (t) => {
  const agents = await installed(t);
  if (!agents) return;
  const { home, token, url, restart, recorded } = await setUp(t, 'Claude Code');
  const model = await modelFor(t, story(restart));
  const config = join(home, 'mcp.json');
  await writeFile(
    config,
    JSON.stringify({ mcpServers: { gatehouse: { type: 'http', url, headers: { Authorization: `Bearer ${token}` } } } }),
  );
  const { stdout, stderr } = await runAgent(
    // biome-ignore format: options and their values side by side
    [...agents.claude, '-p', 'Go.', '--output-format', 'json', '--mcp-config', config, '--strict-mcp-config', '--allowedTools', 'mcp__gatehouse'],
    {
      cwd: home,
      env: {
        ...model.env,
        PATH: path,
        HOME: home,
        ANTHROPIC_BASE_URL: model.url,
        ANTHROPIC_API_KEY: 'sk-scripted',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_AUTOUPDATER: '1',
        DISABLE_ERROR_REPORTING: '1',
        DISABLE_TELEMETRY: '1',
        // All tools in the first request, and that only once the gateway has answered.
        ENABLE_TOOL_SEARCH: 'false',
        MCP_CONNECTION_NONBLOCKING: 'false',
        MCP_CONNECT_TIMEOUT_MS: '30000',
      },
    },
  );
  assertStory(model, `${stdout}${stderr}`);
  assert.deepEqual(await recorded(), { client: 'claude-code', era: 'modern', calls: storyCalls });
});

for (const era of ['legacy', 'modern'] as const)
  test(`Codex, headless: lists, calls, is denied, goes on after a restart; in the ${era} era`, { timeout: 400_000 }, async (t) => {
    const agents = await installed(t);
    if (!agents) return;
    const { home, token, url, restart, recorded } = await setUp(t, 'Codex');
    const model = await modelFor(t, story(restart));
    const gatehouse = `[mcp_servers.gatehouse]
url = "${url}"
bearer_token_env_var = "GATEHOUSE_TOKEN"
default_tools_approval_mode = "approve"
required = true
startup_timeout_sec = 30`;
    await scriptedCodex(home, model.url, `mcp_2026_07_28 = ${era === 'modern'}`, gatehouse);
    const { stdout, stderr } = await runAgent([...agents.codex, 'exec', '--skip-git-repo-check', '--json', 'Go.'], {
      cwd: home,
      env: { ...model.env, PATH: path, HOME: home, GATEHOUSE_TOKEN: token },
    });
    assertStory(model, `${stdout}${stderr}`);
    assert.deepEqual(await recorded(), { client: 'codex-mcp-client', era, calls: storyCalls });
  });

for (const era of ['legacy', 'modern'] as const)
  test(`MCP Inspector on the command line: lists, calls, is denied, goes on after a restart; in the ${era} era`, {
    timeout: 400_000,
  }, async (t) => {
    const agents = await installed(t);
    if (!agents) return;
    const { home, token, url, restart, recorded } = await setUp(t, 'Inspector');
    const config = join(home, 'mcp.json');
    const server = { type: 'streamable-http', url, headers: { Authorization: `Bearer ${token}` } };
    await writeFile(config, JSON.stringify({ mcpServers: { gatehouse: server } }));
    const inspect = async (...args: string[]) =>
      await runAgent(
        [...agents.inspector, '--config', config, '--server', 'gatehouse', '--protocol-era', era, '--format', 'json', ...args],
        {
          cwd: home,
          env: { HOME: home, PATH: path },
        },
      );
    const call = (tool: string, args: object) =>
      inspect('--method', 'tools/call', '--tool-name', tool, '--tool-args-json', JSON.stringify(args));
    const listed = await inspect('--method', 'tools/list');
    assert.match(listed.stdout, /filesystem__read_text_file/, listed.stderr);
    assert.ok(!listed.stdout.includes('payroll__'));
    assert.match((await call('everything__echo', { message: 'first' })).stdout, /Echo: first/);
    const refused = await call('tickets__close_ticket', denied);
    assert.match(JSON.stringify(JSON.parse(refused.stdout)).replaceAll('\\"', '"'), denialText);
    await restart();
    assert.match((await call('everything__echo', { message: 'after the restart' })).stdout, /Echo: after the restart/);
    const { client, ...rest } = await recorded();
    assert.match(client ?? '', /inspector/);
    assert.deepEqual(rest, { era, calls: storyCalls });
  });

/** The demo company with one rule more, about a tool none of whose parameters is mirrored into a header. */
async function stricter(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-company-'));
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  await cp('resources/demo', folder, { recursive: true });
  const rule = `@id("ECHO-1") @reason("Some things are not said twice.")
forbid (principal, action == Action::"call", resource == Tool::"everything/echo")
when { context.args has message && context.args.message == "forbidden" };
`;
  await writeFile(join(folder, 'policies', 'echo.cedar'), rule);
  return folder;
}

for (const era of ['legacy', 'modern'] as const)
  test(`mcp-remote for a stdio-only agent: lists, calls, is denied, goes on after a restart; in the ${era} era`, async (t) => {
    const { home, token, url, restart, recorded } = await setUp(t, 'mcp-remote', await stricter(t));
    const header = join(home, 'header.txt');
    await writeFile(header, `Authorization: Bearer ${token}\n`, { mode: 0o600 });
    const agent = new Client({ name: 'stdio-only', version: '1.0.0' });
    await agent.connect(
      new StdioClientTransport({
        command: process.execPath,
        // biome-ignore format: options and their values side by side
        args: [resolve('node_modules/mcp-remote/dist/proxy.js'), url, '--header-file', header, '--transport', 'http-only', ...(era === 'modern' ? ['--protocol', 'auto'] : [])],
        env: { HOME: home, PATH: path, MCP_REMOTE_CONFIG_DIR: home },
        stderr: 'ignore',
      }),
    );
    t.after(() => agent.close());
    const call = async (name: string, args: Record<string, unknown>) => JSON.stringify(await agent.callTool({ name, arguments: args }));
    const names = (await agent.listTools()).tools.map((tool) => tool.name);
    assert.ok(names.includes('filesystem__read_text_file') && !names.some((name) => name.startsWith('payroll__')));
    assert.match(await call('everything__echo', { message: 'first' }), /Echo: first/);
    const refused = call('tickets__close_ticket', denied);
    // mcp-remote 0.15.1 does not mirror arguments into Mcp-Param-* headers, and a server must refuse a request without them (SEP-2243).
    if (era === 'modern') await assert.rejects(refused, /-32020: The header Mcp-Param-project is missing/);
    else assert.match((await refused).replaceAll('\\"', '"'), denialText);
    // A tool without such parameters: the denial itself arrives, in either era.
    const forbidden = await call('everything__echo', { message: 'forbidden' });
    assert.match(forbidden, /everything__echo.* company policy does not allow it\. .*ECHO-1/);
    assert.match(forbidden, /"isError":true/);
    await restart();
    assert.match(await call('everything__echo', { message: 'after the restart' }), /Echo: after the restart/);
    const { client: _, ...rest } = await recorded();
    assert.deepEqual(rest, { era, calls: era === 'modern' ? storyCalls.with(1, 'deny echo') : storyCalls.toSpliced(2, 0, 'deny echo') });
  });
