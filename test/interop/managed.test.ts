import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AllowList, fileOn, type System } from '../../src/agents/managed/agent.ts';
import { managedAgents } from '../../src/agents/managed/table.ts';
import { write } from '../../src/agents/managed/write.ts';
import { otherServers } from '../../src/bundle/agents.ts';
import { entry } from '../cli/command.ts';
import { serveSmall, smallCore } from '../headless/small-core.ts';
import { folder } from '../shell/folder.ts';
import { type ListingAgents, listingAgents, type RealAgents, realAgents, runAgent } from '../support/real-agents.ts';

/**
 * The agents read fixed places. They are run with another /etc, in a mount namespace of their own, so that nothing is left on the machine.
 */
const layered = (etc: string, command: string[]): string[] => [
  'unshare',
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  'mount -t overlay overlay -o "lowerdir=$0:/etc" /etc && exec "$@"',
  etc,
  ...command,
];

/** Says why not, or nothing. */
function unlayered(t: TestContext): string | undefined {
  if (process.platform !== 'linux') return 'needs mount namespaces of Linux';
  const etc = folder(t);
  writeFileSync(join(etc, 'gatehouse-layer'), 'x');
  const [program, ...args] = layered(etc, ['cat', '/etc/gatehouse-layer']);
  const { stdout, stderr } = spawnSync(program!, args, { encoding: 'utf8' });
  return stdout === 'x' ? undefined : `no mount namespace of one's own: ${stderr?.trim()}`;
}

const origin = 'http://127.0.0.1:4283';
const alone: AllowList = { origin, others: [] };
const more: AllowList = {
  origin,
  others: otherServers.parse([
    { name: 'files', command: ['true', 'a'] },
    { name: 'other', url: 'http://127.0.0.1:9/mcp' },
  ]),
};

/** A machine on which the list is written for an agent, and a home with the gateway, a local and a remote server. */
async function machine(t: TestContext, id: string) {
  const why = unlayered(t);
  const installed = why ?? (await realAgents());
  const listing = why ?? (await listingAgents());
  if (typeof installed === 'string' || typeof listing === 'string') {
    t.skip(typeof installed === 'string' ? installed : String(listing));
    return undefined;
  }
  const agents: RealAgents & ListingAgents = { ...installed, ...listing };
  const home = folder(t);
  const agent = managedAgents.find((each) => each.id === id)!;
  return {
    agents,
    home,
    agent,
    /** What the agent says, with nothing stated, or with this list, and `edit` of the file. */
    async says(command: string[], list: AllowList | undefined, edit?: (file: string) => void): Promise<string> {
      const system: System = { platform: 'linux', root: folder(t), admin: process.getuid!() };
      mkdirSync(join(system.root, 'etc'));
      if (list !== undefined) write(agent, list, system);
      edit?.(fileOn(agent, system));
      const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
      // A model that nobody serves: what matters is said before it is asked.
      const model = { ANTHROPIC_BASE_URL: 'http://127.0.0.1:9', ANTHROPIC_API_KEY: 'none', CLAUDE_CODE_MAX_RETRIES: '0' };
      const quiet = { NO_COLOR: '1', DISABLE_AUTOUPDATER: '1', DISABLE_TELEMETRY: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' };
      const env = { HOME: home, PATH: path, ...quiet, ...model };
      const { stdout, stderr } = await runAgent(layered(join(system.root, 'etc'), command), { cwd: home, env, timeoutMs: 60_000 });
      return stdout + stderr;
    },
  };
}

const servers = (extra: object = {}) => ({
  gatehouse: { type: 'http', url: `${origin}/mcp` },
  files: { command: 'true', args: ['a'] },
  other: { type: 'http', url: 'http://127.0.0.1:9/mcp' },
  ...extra,
});

test('Claude Code refuses what the list does not name, also by --mcp-config; a drop-in widens it; comments end it', {
  timeout: 240_000,
}, async (t) => {
  const on = await machine(t, 'claude-code');
  if (!on) return;
  const list = [...on.agents.claude, 'mcp', 'list'];
  writeFileSync(join(on.home, '.claude.json'), JSON.stringify({ mcpServers: servers() }));
  const free = await on.says(list, undefined);
  for (const name of ['gatehouse', 'files', 'other']) assert.match(free, new RegExp(`^${name}: `, 'm'));
  const held = await on.says(list, alone);
  assert.match(held, /^gatehouse: /m);
  assert.doesNotMatch(held, /^(files|other): /m);
  assert.match(await on.says([...on.agents.claude, 'mcp', 'add', 'new', '--', 'true'], alone), /not allowed by enterprise policy/);
  const flagged = join(on.home, 'flagged.json');
  writeFileSync(flagged, '{"mcpServers":{"flagged":{"type":"http","url":"http://127.0.0.1:11/mcp"}}}');
  assert.match(await on.says([...on.agents.claude, '-p', 'hi', '--mcp-config', flagged], alone), /blocked by enterprise policy: flagged/);
  const both = await on.says(list, more);
  for (const name of ['gatehouse', 'files', 'other']) assert.match(both, new RegExp(`^${name}: `, 'm'));
  const dropIn = (file: string) => {
    mkdirSync(join(dirname(file), 'managed-settings.d'));
    writeFileSync(join(dirname(file), 'managed-settings.d', 'a.json'), '{"allowedMcpServers":[{"serverUrl":"http://127.0.0.1:9/*"}]}');
  };
  assert.match(await on.says(list, alone, dropIn), /^other: /m);
  const commented = (file: string) => writeFileSync(file, `// mine\n${readFileSync(file, 'utf8')}`);
  assert.match(await on.says(list, alone, commented), /could not be parsed/);
});

test('Codex disables what the list does not name, and a command with other arguments', { timeout: 240_000 }, async (t) => {
  const on = await machine(t, 'codex');
  if (!on) return;
  const list = [...on.agents.codex, 'mcp', 'list'];
  mkdirSync(join(on.home, '.codex'));
  const config = (args: string) =>
    writeFileSync(
      join(on.home, '.codex', 'config.toml'),
      `[mcp_servers.gatehouse]\nurl = "${origin}/mcp/s/wiki"\n[mcp_servers.files]\ncommand = "true"\nargs = [${args}]\n[mcp_servers.other]\nurl = "http://127.0.0.1:9/mcp"\n`,
    );
  config('"a"');
  assert.doesNotMatch(await on.says(list, undefined), /disabled/);
  const held = await on.says(list, alone);
  assert.match(held, /^gatehouse .* enabled/m);
  for (const name of ['files', 'other']) assert.match(held, new RegExp(`^${name} .* disabled: requirements`, 'm'));
  assert.doesNotMatch(await on.says(list, more), /disabled/);
  config('"a", "b"');
  assert.match(await on.says(list, more), /^files .* disabled: requirements/m);
});

test("Gemini CLI blocks what the list does not name, and a person's entry of the gateway's name leads to the gateway", {
  timeout: 240_000,
}, async (t) => {
  const on = await machine(t, 'gemini');
  if (!on) return;
  const list = [...on.agents.gemini, 'mcp', 'list'];
  mkdirSync(join(on.home, '.gemini'));
  writeFileSync(
    join(on.home, '.gemini', 'settings.json'),
    JSON.stringify({ mcpServers: servers({ gatehouse: { type: 'http', url: 'http://127.0.0.1:9/evil' } }) }),
  );
  assert.match(await on.says(list, undefined), /127\.0\.0\.1:9\/evil/);
  const held = await on.says(list, alone);
  assert.match(held, /gatehouse: http:\/\/127\.0\.0\.1:4283\/mcp/);
  assert.doesNotMatch(held, /evil/);
  for (const name of ['files', 'other']) assert.match(held, new RegExp(`${name}: .*Blocked`));
  assert.doesNotMatch(await on.says(list, more), /Blocked/);
});

test('agents policy --check starts each agent and says whether the list holds', { timeout: 240_000 }, async (t) => {
  const on = await machine(t, 'codex');
  if (!on) return;
  const dataDir = folder(t);
  const stated = { origin, otherServers: [], agents: [] };
  await serveSmall(t, dataDir, smallCore({ 'agents-policy': () => stated }));
  const bin = join(on.home, 'bin');
  mkdirSync(bin);
  for (const [name, command] of [
    ['claude', on.agents.claude],
    ['codex', on.agents.codex],
    ['gemini', on.agents.gemini],
    ['copilot', ['false']],
  ] as const)
    writeFileSync(join(bin, name), `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(' ')} "$@"\n`, { mode: 0o755 });
  const check = async (...written: string[]) => {
    const root = folder(t);
    mkdirSync(join(root, 'etc'));
    const system: System = { platform: 'linux', root, admin: process.getuid!() };
    for (const agent of managedAgents) if (written.includes(agent.id)) write(agent, alone, system);
    const command = [process.execPath, entry, 'agents', 'policy', '--check', '--json', '--data', dataDir];
    const env = { HOME: on.home, PATH: `${bin}:/usr/local/bin:/usr/bin:/bin` };
    const { code, stdout, stderr } = await runAgent(layered(join(root, 'etc'), command), { cwd: on.home, env });
    assert.notEqual(stdout, '', stderr);
    return [code, ...(JSON.parse(stdout) as { id: string; result: string }[]).map(({ id, result }) => `${id} ${result}`)];
  };
  assert.deepEqual(await check('claude-code', 'codex', 'gemini'), [
    0,
    'claude-code refused',
    'copilot not-tried',
    'codex refused',
    'gemini refused',
  ]);
  assert.deepEqual(await check(), [9, 'claude-code let-in', 'copilot not-tried', 'codex let-in', 'gemini let-in']);
});

test('Copilot CLI says that it loaded the list', { timeout: 240_000 }, async (t) => {
  const on = await machine(t, 'copilot');
  if (!on) return;
  const logs = join(on.home, 'logs');
  await on.says([...on.agents.copilot, '-p', 'hi', '--log-level', 'debug', '--log-dir', logs], alone);
  const log = readdirSync(logs)
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('');
  assert.match(log, /Loaded managed settings from file: \/etc\/github-copilot\/managed-settings\.json/);
  assert.match(log, /keys=\[allowedMcpServers\]/);
});
