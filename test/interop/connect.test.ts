import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { clients } from '../../src/agents/clients/programs/table.ts';
import { connectionsIn, type Gate, openGate } from '../agents/connect-setup.ts';
import { homeOf } from '../support/homes.ts';
import { type ListingAgents, listingAgents, type RealAgents, realAgents, runAgent } from '../support/real-agents.ts';

let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

const system = process.platform === 'darwin' || process.platform === 'win32' ? process.platform : 'linux';
/** A gateway that is called from outside of this process answers only while this one runs its event loop, which `runAgent` does. */
const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;

async function listedBy(
  t: TestContext,
  id: string,
  command: string[],
  options: { args?: string[]; env?: (home: string) => Record<string, string>; prepare?: (home: string) => void } = {},
) {
  const machine = homeOf(t, system);
  const env = options.env?.(machine.home) ?? {};
  options.prepare?.(machine.home);
  const { connections } = connectionsIn(t, gate, { ...machine, env: { ...machine.env, ...env } });
  const list = async () => {
    const { stdout, stderr } = await runAgent([...command, 'mcp', 'list', ...(options.args ?? [])], {
      cwd: machine.home,
      env: {
        HOME: machine.home,
        USERPROFILE: machine.home,
        PATH: path,
        NO_COLOR: '1',
        DISABLE_AUTOUPDATER: '1',
        DISABLE_TELEMETRY: '1',
        ...env,
      },
    });
    return stdout + stderr;
  };
  assert.ok(!(await list()).includes(gate.url));
  const done = await connections.connect(id, gate.url);
  const seen = await list();
  const client = gate.agents.list().find(({ name }) => name === done.agent)?.client;
  // Agents write into their files while they list; what was ours alone is gone either way.
  await connections.disconnect(id);
  const later = await list();
  return { seen, later, client, title: clients.find((each) => each.id === id)!.title };
}

async function has<T extends RealAgents | ListingAgents>(t: TestContext, agents: Promise<T | string>): Promise<T | undefined> {
  const installed = await agents;
  if (typeof installed !== 'string') return installed;
  t.skip(installed);
  return undefined;
}

for (const where of ['its home', 'CLAUDE_CONFIG_DIR'] as const)
  test(`Claude Code lists our entry in ${where}, and connects with it`, { timeout: 240_000 }, async (t) => {
    const agents = await has(t, realAgents());
    if (!agents) return;
    const env = (home: string): Record<string, string> => (where === 'its home' ? {} : { CLAUDE_CONFIG_DIR: join(home, 'elsewhere') });
    const { seen, later, client } = await listedBy(t, 'claude-code', agents.claude, { env });
    assert.match(seen, /gatehouse: http:\/\/127\.0\.0\.1:\d+\/mcp \(HTTP\) - .*Connected/);
    assert.equal(client?.name, 'claude-code');
    assert.ok(!later.includes('gatehouse:'), later);
  });

test('Codex lists our entry, with a bearer token', { timeout: 240_000 }, async (t) => {
  const agents = await has(t, realAgents());
  if (!agents) return;
  const prepare = (home: string) => {
    mkdirSync(join(home, '.codex'));
    writeFileSync(join(home, '.codex', 'config.toml'), '# mine\nmodel = "x" # keep\n\n[mcp_servers.files]\ncommand = "npx"\n');
  };
  const { seen, later } = await listedBy(t, 'codex', agents.codex, { prepare });
  assert.match(seen, /gatehouse\s+http:\/\/127\.0\.0\.1:\d+\/mcp\s.*enabled\s+Bearer token/);
  assert.match(later, /^files /m);
  assert.doesNotMatch(later, /^gatehouse /m);
});

test('opencode lists our entry, and connects with it', { timeout: 240_000 }, async (t) => {
  const agents = await has(t, listingAgents());
  if (!agents) return;
  const { seen, later, client } = await listedBy(t, 'opencode', agents.opencode);
  assert.match(seen, /gatehouse.*connected/s);
  assert.equal(client?.name, 'opencode');
  assert.ok(!later.includes('gatehouse'), later);
});

test('Gemini CLI lists our entry', { timeout: 240_000 }, async (t) => {
  const agents = await has(t, listingAgents());
  if (!agents) return;
  const { seen, later } = await listedBy(t, 'gemini', agents.gemini);
  assert.match(seen, /gatehouse: http:\/\/127\.0\.0\.1:\d+\/mcp \(http\)/);
  assert.ok(!later.includes('gatehouse:'), later);
});

test('Qwen Code lists our entry', { timeout: 240_000 }, async (t) => {
  const agents = await has(t, listingAgents());
  if (!agents) return;
  const { seen, later } = await listedBy(t, 'qwen-code', agents.qwen);
  assert.match(seen, /gatehouse: http:\/\/127\.0\.0\.1:\d+\/mcp \(http\)/);
  assert.ok(!later.includes('gatehouse:'), later);
});

test('Copilot CLI lists our entry', { timeout: 240_000 }, async (t) => {
  const agents = await has(t, listingAgents());
  if (!agents) return;
  const { seen, later } = await listedBy(t, 'copilot-cli', agents.copilot);
  assert.match(seen, /gatehouse \(http\)/);
  assert.ok(!later.includes('gatehouse'), later);
});

const elsewhere = [
  ['codex', 'codex', 'CODEX_HOME', /gatehouse\s+http:/],
  ['opencode', 'opencode', 'OPENCODE_CONFIG_DIR', /gatehouse.*connected/s],
  ['gemini', 'gemini', 'GEMINI_CLI_HOME', /gatehouse: http:/],
  ['qwen-code', 'qwen', 'QWEN_HOME', /gatehouse: http:/],
  ['copilot-cli', 'copilot', 'COPILOT_HOME', /gatehouse \(http\)/],
] as const;
for (const [id, program, variable, listed] of elsewhere)
  test(`${id} lists our entry where ${variable} sends it`, { timeout: 240_000 }, async (t) => {
    const real = await has(t, realAgents());
    const listing = await has(t, listingAgents());
    if (!real || !listing) return;
    const command = { ...real, ...listing }[program];
    const prepare = (home: string) => mkdirSync(join(home, 'elsewhere'));
    const { seen } = await listedBy(t, id, command, { env: (home) => ({ [variable]: join(home, 'elsewhere') }), prepare });
    assert.match(seen, listed);
  });
