import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AllowList, fileOn, type ManagedAgent, type System } from '../../src/agents/managed/agent.ts';
import { look } from '../../src/agents/managed/look.ts';
import { managedAgents } from '../../src/agents/managed/table.ts';
import { asAdministrator, difference, undo, wholeFile, write } from '../../src/agents/managed/write.ts';
import { Failure } from '../../src/base/errors.ts';
import { otherServers } from '../../src/bundle/agents.ts';
import { folder } from '../shell/folder.ts';
import { homeOf, systems } from '../support/homes.ts';

const others = otherServers.parse([
  { name: 'wiki', url: 'https://wiki.example/mcp' },
  { name: 'files', command: ['npx', '-y', 'files'] },
]);
const alone: AllowList = { origin: 'http://127.0.0.1:4283', others: [] };
const more: AllowList = { ...alone, others };
const agentOf = (id: string) => managedAgents.find((agent) => agent.id === id)!;

function systemIn(t: TestContext, platform: System['platform'] = 'linux'): System {
  return { platform, root: folder(t), admin: process.getuid?.() };
}

/** Writes an agent's file as it stands before we come. */
function fileIn(agent: ManagedAgent, system: System, text: string): string {
  const file = fileOn(agent, system);
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  writeFileSync(file, text, { mode: 0o644 });
  return file;
}

const rowOf = (t: TestContext, { id }: ManagedAgent, system: System, list: AllowList | 'unstated' = alone) =>
  look(list === 'unstated' ? undefined : list, system, homeOf(t, system.platform)).find((row) => row.id === id)!;

const used: Record<string, string> = {
  'claude-code': '{\n    "permissions" : { "deny": ["WebFetch"] }, "env": {"A": "1"}\n}\n',
  copilot: '{"model":"auto"}',
  codex: '# of IT\nallowed_approval_policies = [ "never",\n  "on-request" ]   # keep\n\n[features]\nweb = false\n',
  gemini:
    '{\n  // of IT\n  "tools" : { "core": ["ReadFile"] },\n  "mcp": {\n    "serverCommand": "x" /* keep */\n  },\n  "mcpServers": {\n    "spare": { "command": "x" }\n  }\n}\n',
};

for (const platform of systems)
  test(`on a ${platform} without any of the files the list is written, is in force, and goes without a trace`, (t) => {
    const system = systemIn(t, platform);
    for (const agent of managedAgents)
      for (const list of [alone, more]) {
        assert.equal(rowOf(t, agent, system, 'unstated').state, 'not-stated');
        assert.equal(rowOf(t, agent, system, list).state, 'missing');
        assert.match(difference(agent, list, system), /^--- \/dev\/null\n/);
        const { file, already } = write(agent, list, system);
        assert.equal(already, false);
        const { state, why, file: looked } = rowOf(t, agent, system, list);
        assert.deepEqual([state, why, looked], ['in-force', undefined, file]);
        assert.equal(readFileSync(file, 'utf8'), wholeFile(agent, list));
        if (process.platform !== 'win32')
          assert.deepEqual([statSync(file).mode & 0o777, statSync(dirname(file)).mode & 0o777], [0o644, 0o755]);
        assert.equal(difference(agent, list, system), '');
        assert.equal(write(agent, list, system).already, true);
        assert.equal(rowOf(t, agent, system, list === alone ? more : alone).state, 'differs');
        assert.equal(undo(agent, system).restored, 'whole');
        assert.equal(existsSync(dirname(file)), false, 'folders that were made go, too');
        assert.equal(undo(agent, system).restored, 'nothing');
      }
  });

test('what else is in a file stays as it is, and undo puts back each byte, however often the list was written since', (t) => {
  const system = systemIn(t);
  for (const agent of managedAgents) {
    const text = used[agent.id]!;
    const file = fileIn(agent, system, text);
    assert.equal(rowOf(t, agent, system).state, 'missing');
    const shown = difference(agent, alone, system);
    assert.match(shown, /^\+.*(127\.0\.0\.1:4283|gatehouse)/m);
    assert.doesNotMatch(shown, /…/, 'the exact change');
    write(agent, alone, system);
    const first = readFileSync(file, 'utf8');
    for (const line of text.split('\n').filter((each) => /[#/]|keep/.test(each))) assert.ok(first.includes(line), line);
    write(agent, more, system);
    assert.equal(rowOf(t, agent, system, more).state, 'in-force', rowOf(t, agent, system, more).why);
    write(agent, alone, system);
    assert.equal(readFileSync(file, 'utf8'), first, 'nothing is left of the former list');
    undo(agent, system);
    assert.equal(readFileSync(file, 'utf8'), text);
  }
});

test('where the file has changed since, only what is still ours is taken out', (t) => {
  const system = systemIn(t);
  const claude = agentOf('claude-code');
  const file = fileIn(claude, system, used['claude-code']!);
  write(claude, alone, system);
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), allowManagedMcpServersOnly: false, model: 'x' }));
  assert.equal(rowOf(t, claude, system).state, 'differs');
  assert.throws(() => write(claude, alone, system), /has allowManagedMcpServersOnly already, and Gatehouse did not write it/);
  assert.equal(undo(claude, system).restored, 'entry');
  const { permissions, env } = JSON.parse(used['claude-code']!);
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { permissions, env, allowManagedMcpServersOnly: false, model: 'x' });
});

test('a list that somebody else wrote, or a file that cannot be understood, stays as it is', (t) => {
  const system = systemIn(t);
  const foreign: [string, string, RegExp][] = [
    ['claude-code', '{"allowedMcpServers":[]}', /allowedMcpServers already/],
    ['claude-code', '{"allowManagedMcpServersOnly":false}', /allowManagedMcpServersOnly already/],
    ['claude-code', '// mine\n{"model":"x"}', /comments/],
    ['claude-code', '{"model":"x"', /not JSON/],
    ['claude-code', '[1]', /not JSON/],
    ['copilot', '{"allowedMcpServers":[{"serverName":"x"}]}', /allowedMcpServers already/],
    ['codex', '[mcp_servers.other]\nidentity = { url = "https://other.example" }\n', /allows "other" as well/],
    ['codex', '[mcp_servers.gatehouse]\nidentity = { url = "https://other.example" }\n', /mcp_servers.gatehouse already/],
    ['codex', 'nonsense =', /not TOML/],
    ['gemini', '{"mcp":{"allowed":["x"]}}', /mcp.allowed already/],
    ['gemini', '{"mcpServers":{"gatehouse":{"url":"https://other.example"}}}', /mcpServers.gatehouse already/],
    ['gemini', '{"mcp":[]}', /"mcp" that is no list/],
  ];
  for (const [id, text, why] of foreign) {
    const agent = agentOf(id);
    const file = fileIn(agent, system, text);
    assert.notEqual(rowOf(t, agent, system).state, 'in-force', text);
    assert.throws(
      () => write(agent, alone, system),
      (error) => error instanceof Failure && error.code === 'conflict' && why.test(error.message),
      text,
    );
    assert.equal(readFileSync(file, 'utf8'), text);
    assert.deepEqual(readdirSync(dirname(file)), [file.slice(dirname(file).length + 1)]);
  }
});

test('a list is not in force where another file of the agent lets more in, or cannot be read', (t) => {
  const system = systemIn(t);
  const claude = agentOf('claude-code');
  const { file } = write(claude, alone, system);
  const dropIns = join(dirname(file), 'managed-settings.d');
  mkdirSync(dropIns);
  const cases: [string, string, RegExp | undefined][] = [
    ['managed-settings.d/a.json', '{"model":"x"}', undefined],
    ['managed-settings.d/notes.txt', '{"allowedMcpServers":[]}', undefined],
    ['managed-settings.d/b.json', '{"allowedMcpServers":[{"serverName":"evil"}]}', /b\.json has allowedMcpServers as well/],
    ['managed-settings.d/b.json', '{"allowManagedMcpServersOnly":false}', /allowManagedMcpServersOnly/],
    ['managed-settings.d/b.json', '{', /not JSON/],
    ['managed-settings.d/b.json', '{}', undefined],
    ['managed-mcp.json', '{"mcpServers":{}}', /brings servers of its own/],
  ];
  for (const [name, text, why] of cases) {
    writeFileSync(join(dirname(file), name), text);
    const row = rowOf(t, claude, system);
    assert.equal(row.state, why === undefined ? 'in-force' : 'differs', name + text);
    if (why !== undefined) assert.match(row.why!, why);
  }
  const codex = agentOf('codex');
  write(codex, alone, system);
  const requirements = fileOn(codex, system);
  writeFileSync(requirements, `${readFileSync(requirements, 'utf8')}\n[mcp_servers.evil]\nidentity = { command = "sh" }\n`);
  assert.match(rowOf(t, codex, system).why!, /allows "evil" as well/);
});

test('a list that the person can change holds nobody', { skip: process.platform === 'win32' && 'Windows has no modes' }, (t) => {
  const system = systemIn(t);
  const gemini = agentOf('gemini');
  const { file } = write(gemini, alone, system);
  for (const [path, open, closed] of [
    [file, 0o666, 0o644],
    [dirname(file), 0o777, 0o755],
  ] as const) {
    chmodSync(path, open);
    assert.match(rowOf(t, gemini, system).why!, /others than the administrator can change/);
    chmodSync(path, closed);
    assert.equal(rowOf(t, gemini, system).state, 'in-force');
  }
  assert.equal(rowOf(t, gemini, { ...system, admin: system.admin! + 1 }).state, 'differs', 'it belongs to somebody else');
});

test('links out of the folder and files of other users are refused', {
  skip: process.platform === 'win32' && 'links need rights there',
}, (t) => {
  const system = systemIn(t);
  const codex = agentOf('codex');
  const file = fileOn(codex, system);
  mkdirSync(dirname(file), { recursive: true });
  const target = join(folder(t), 'target.toml');
  writeFileSync(target, '# mine\n');
  symlinkSync(target, file);
  assert.throws(() => write(codex, alone, system), /leads to .*target\.toml, outside of/);
  assert.equal(rowOf(t, codex, system).state, 'differs');
  assert.equal(readFileSync(target, 'utf8'), '# mine\n');
  if (process.getuid!() !== 0) return;
  const gemini = agentOf('gemini');
  const theirs = fileIn(gemini, system, '{}');
  chownSync(theirs, 65534, 65534);
  assert.throws(() => write(gemini, alone, system), /belongs to another user/);
  assert.equal(readFileSync(theirs, 'utf8'), '{}');
});

test('a record that is damaged, or names another file, puts nothing anywhere', (t) => {
  const system = systemIn(t);
  const codex = agentOf('codex');
  const file = fileIn(codex, system, '# mine\n');
  write(codex, alone, system);
  const written = readFileSync(file, 'utf8');
  const record = join(system.root, 'var/lib/gatehouse/managed-agents/codex.json');
  assert.equal(statSync(record).mode & 0o077, 0, 'it holds what stood in the file');
  const kept = readFileSync(record, 'utf8');
  const other = join(system.root, 'other');
  writeFileSync(other, written);
  writeFileSync(record, JSON.stringify({ ...JSON.parse(kept), file: other }));
  assert.equal(undo(codex, system).restored, 'nothing');
  for (const text of ['{', '{"version":1}', JSON.stringify({ ...JSON.parse(kept), folders: 900 })]) {
    writeFileSync(record, text);
    assert.throws(() => undo(codex, system), /cannot be read, so nothing is changed/);
    assert.throws(() => write(codex, more, system), /cannot be read, so nothing is changed/);
  }
  assert.deepEqual([readFileSync(file, 'utf8'), readFileSync(other, 'utf8')], [written, written]);
  writeFileSync(record, kept);
  assert.equal(undo(codex, system).restored, 'whole');
});

test('where the system does not let us write, the error says who can, and no folder is left', {
  skip: process.platform !== 'linux' && 'needs /sys',
}, () => {
  const system: System = { platform: 'linux', root: '/sys', admin: 0 };
  assert.throws(
    () => asAdministrator(() => write(agentOf('codex'), alone, system), 'gatehouse agents policy --write --data /d'),
    (error) => error instanceof Failure && error.code === 'denied' && /--write --data \/d\. Or .* --out FOLDER/.test(error.fix!),
  );
  assert.equal(existsSync('/sys/etc'), false);
});

test('a server beside the gateway is written as it is: no pattern, no variable, no second name, not the name of the gateway', () => {
  const refused = [
    { name: 'x', url: 'https://*.example/mcp' },
    { name: 'x', url: `https://x.example/\${HOME}` },
    { name: 'x', url: 'https://me@x.example/' },
    { name: 'x', url: 'file:///etc/passwd' },
    { name: 'x', command: [] },
    { name: 'x', command: ['sh', `\${X}`] },
    { name: 'x', command: ['sh', '-c\n'] },
    { name: 'x', url: 'https://x.example', command: ['sh'] },
    { name: 'x', url: 'https://x.example', serverName: 'y' },
    { name: 'Gatehouse', url: 'https://x.example' },
    { name: 'a.b', url: 'https://x.example' },
    { name: 'x' },
  ];
  for (const each of refused) assert.equal(otherServers.safeParse([each]).success, false, JSON.stringify(each));
  assert.equal(otherServers.safeParse([others[0], { name: 'WIKI', command: ['x'] }]).success, false);
  assert.equal(otherServers.safeParse([]).success, true);
});

test('agents without such a list say so', (t) => {
  const rows = look(alone, systemIn(t), homeOf(t, 'linux'));
  for (const id of ['opencode', 'qwen-code', 'cursor']) {
    const row = rows.find((each) => each.id === id)!;
    assert.equal(row.state, 'unsupported');
    assert.ok(row.why);
  }
  assert.equal(new Set(rows.map(({ id }) => id)).size, rows.length);
});
