import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { openBridged } from '../support/bridged.ts';
import { entry, makeBundle } from '../support/gateway.ts';
import { openModel } from '../support/model.ts';
import { type RealAgents, realAgents, runAgent, scriptedCodex } from '../support/real-agents.ts';
import { openRpcServer } from '../support/rpc-server.ts';

/** Real agents with the stdio bridge in their configuration: asked for once, and then they call. */

let house: Awaited<ReturnType<typeof openBridged>>;
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
before(async () => {
  upstream = await openRpcServer({
    'tools/call': ({ params }) => ({ content: [{ type: 'text', text: `Echo: ${(params['arguments'] as { message: string }).message}` }] }),
  });
  const tools = [{ name: 'echo', inputSchema: { type: 'object', properties: { message: { type: 'string' } } } }];
  house = await openBridged(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }));
});
after(async () => {
  await house?.close();
  await upstream?.close();
});

async function setUp(t: TestContext, agent: keyof RealAgents) {
  const agents = await realAgents();
  if (typeof agents === 'string') {
    t.skip(agents);
    return undefined;
  }
  const home = await mkdtemp(join(tmpdir(), 'gatehouse-agent-'));
  t.after(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
  const model = await openModel([{ tool: 'echo', args: { message: `over a pipe to ${agent}` } }]);
  t.after(() => model.close());
  const env = { HOME: home, PATH: process.env['PATH'] ?? '', HTTPS_PROXY: model.url, HTTP_PROXY: model.url, NO_PROXY: '127.0.0.1' };
  return { command: agents[agent], home, model, env };
}

/** Its agent's name once it was allowed, what the person saw, and the calls on record. */
async function whileAllowed(run: Promise<{ stdout: string; stderr: string }>) {
  const [{ request, name }, done] = await Promise.all([house.allowNext(), run]);
  const calls = (await house.records()).filter((record) => record.agent === name && record.method === 'tools/call');
  return { request, said: `${done.stdout}${done.stderr}`, calls: calls.map(({ target, decision }) => `${decision} ${target}`) };
}

test('Claude Code, with the bridge and no token in its configuration', { timeout: 120_000 }, async (t) => {
  const given = await setUp(t, 'claude');
  if (!given) return;
  const { command, home, model, env } = given;
  const config = join(home, 'mcp.json');
  await writeFile(config, JSON.stringify({ mcpServers: { gatehouse: house.command } }));
  const { request, said, calls } = await whileAllowed(
    runAgent(
      [
        ...command,
        '-p',
        'Go.',
        '--output-format',
        'json',
        '--mcp-config',
        config,
        '--strict-mcp-config',
        '--allowedTools',
        'mcp__gatehouse',
      ],
      {
        cwd: home,
        env: {
          ...env,
          ANTHROPIC_BASE_URL: model.url,
          ANTHROPIC_API_KEY: 'sk-scripted',
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
          DISABLE_AUTOUPDATER: '1',
          // All tools in the first request, and that only once the gateway has answered.
          ENABLE_TOOL_SEARCH: 'false',
          MCP_CONNECTION_NONBLOCKING: 'false',
          MCP_CONNECT_TIMEOUT_MS: '30000',
        },
      },
    ),
  );
  assert.equal(request.client.name, 'claude-code');
  assert.match(request.program!, /claude" \(process \d+\)$/);
  assert.match(said, /Echo: over a pipe to claude/);
  assert.deepEqual(calls, ['allow echo']);
});

test('Codex, with the bridge and no token in its configuration', { timeout: 120_000 }, async (t) => {
  const given = await setUp(t, 'codex');
  if (!given) return;
  const { command, home, model, env } = given;
  await mkdir(home, { recursive: true });
  await scriptedCodex(
    home,
    model.url,
    '',
    `[mcp_servers.gatehouse]
command = ${JSON.stringify(house.command.command)}
args = ${JSON.stringify(house.command.args)}
default_tools_approval_mode = "approve"
required = true
`,
  );
  const { request, said, calls } = await whileAllowed(
    runAgent([...command, 'exec', '--skip-git-repo-check', '--json', 'Go.'], { cwd: home, env }),
  );
  assert.match(request.program!, /codex" \(process \d+\)$/);
  assert.match(said, /Echo: over a pipe to codex/);
  assert.deepEqual(calls, ['allow echo']);
});
