import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { readConfigFile, replaceConfigFile } from '../../src/agents/clients/config-file.ts';
import { cursor } from '../../src/agents/clients/programs/cursor.ts';
import { fileIn, homeOf, usedFile } from '../support/homes.ts';
import { connectionsIn, type Gate, openGate } from './connect-setup.ts';

const posix = { skip: process.platform === 'win32' && 'no links of this kind on Windows' };
let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

function setUp(t: TestContext, options: { now?: () => number; settleMs?: number } = {}) {
  const machine = homeOf(t, 'linux');
  const made = connectionsIn(t, gate, machine, options);
  const row = () => made.connections.detect(gate.url).find(({ id }) => id === 'cursor')!;
  return { machine, ...made, file: cursor.config.files(machine)[0]!, row };
}

const limitOf = (agent: string) => gate.agents.list().find(({ name }) => name === agent)?.servers;

/** Answers like no gateway, after it has done something. */
async function strange(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

test('what an agent was limited to stays its limit, whether its entry is put back with a new token or connected again, also after a failure', async (t) => {
  const { machine, connections, vault } = setUp(t);
  const file = fileIn(cursor.config, machine, '{"a":1}');
  mkdirSync(join(machine.home, '.cursor', 'x'));
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  gate.agents.limit(agent, ['files']);
  vault.content.clear();
  writeFileSync(file, '{}');
  await connections.check();
  assert.equal(connections.configOf(agent)!.state, 'connected');
  assert.deepEqual(limitOf(agent), ['files'], 'an agent that drops its own entry gains nothing');
  await assert.rejects(connections.connect('cursor', 'http://127.0.0.1:1/mcp'), { code: 'unavailable' });
  assert.equal((await connections.connect('cursor', gate.url)).agent, agent);
  assert.deepEqual(limitOf(agent), ['files']);
  gate.agents.revoke(agent);
  await connections.connect('cursor', gate.url);
  assert.deepEqual(limitOf(agent), ['files']);
});

test('a name that was revoked and given to another agent is that agent’s: it is neither shown as connected nor revoked', async (t) => {
  const { machine, connections, row } = setUp(t);
  fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  gate.agents.revoke(agent);
  await new Promise((done) => setTimeout(done, 5));
  const { token } = gate.agents.add(agent);
  assert.equal(row().state, 'changed');
  assert.equal(connections.configOf(agent), undefined);
  await connections.disconnect('cursor');
  assert.deepEqual(gate.agents.verify(token), { name: agent });
});

test('an entry that cannot be proven is put back once, not every half a minute, and three times a day if the agent answers each time', async (t) => {
  const clock = { now: Date.now() };
  const { machine, connections, vault } = setUp(t, { now: () => clock.now });
  const file = fileIn(cursor.config, machine, '{"a":1}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  vault.content.set('connection-cursor', 'gha_dead');
  let written = 0;
  const drop = () => {
    writeFileSync(file, '{}');
    utimesSync(file, new Date(), new Date(Date.now() + (written += 1000)));
  };
  drop();
  const marks: string[] = [];
  for (let round = 0; round < 4; round++) {
    await connections.check();
    marks.push(`${statSync(file).ino} ${statSync(file).mtimeMs}`);
    assert.equal(readFileSync(file, 'utf8'), '{}');
  }
  assert.equal(new Set(marks).size, 1, 'it was written once and left then');
  assert.equal(connections.configOf(agent)!.state, 'lost');
  for (let round = 0; round < 5; round++) {
    drop();
    await connections.check();
  }
  assert.match(connections.configOf(agent)!.why!, /more than 3 times in a day/);
});

test('a file in whose place there is a circle of links is told once; nothing is written every half a minute', posix, async (t) => {
  const { machine, connections, dir } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  unlinkSync(file);
  symlinkSync(file, file);
  await connections.check();
  assert.match(connections.configOf(agent)!.why!, /cannot be reached/);
  const mark = () => statSync(join(dir, 'connections.json')).mtimeMs;
  const was = mark();
  for (let round = 0; round < 3; round++) await connections.check();
  assert.equal(mark(), was);
});

test('a data folder that takes nothing any more ends in the log, not the process', posix, async (t) => {
  const { machine, connections, dir } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  await connections.connect('cursor', gate.url);
  mkdirSync(join(dir, 'connections.json.new'));
  writeFileSync(file, '{"half":');
  await connections.check();
});

test('a list of connections that cannot be read now is not begun anew: its content may be intact', async (t) => {
  const { machine, connections, dir } = setUp(t);
  fileIn(cursor.config, machine, '{}');
  await connections.connect('cursor', gate.url);
  const list = join(dir, 'connections.json');
  renameSync(list, `${list}.kept`);
  mkdirSync(list);
  assert.throws(() => connectionsIn(t, gate, machine, { dir }), { code: 'unavailable', fix: /permissions/ });
});

test('a reason that names long paths does not spoil the list of connections', posix, async (t) => {
  const { machine, connections, dir } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  const far = join(homeOf(t, 'linux').home, ...Array.from({ length: 12 }, () => 'x'.repeat(200)));
  mkdirSync(far, { recursive: true });
  writeFileSync(join(far, 'f'), '{}');
  unlinkSync(file);
  symlinkSync(join(far, 'f'), file);
  await connections.check();
  assert.match(connections.configOf(agent)!.why!, /leads to/);
  const later = connectionsIn(t, gate, machine, { dir });
  assert.equal(later.connections.configOf(agent)!.state, 'changed', 'it is known after a restart');
});

test('a host that is ended between writing and proving knows its entry at the next start', async (t) => {
  const { machine, connections, dir, row } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  let copied = '';
  const url = await strange(t, (_request, response) => {
    copied = readFileSync(join(dir, 'connections.json'), 'utf8');
    response.end('no');
  });
  await assert.rejects(connections.connect('cursor', url));
  assert.equal(row().state, 'not-connected');
  assert.equal(JSON.parse(copied).connections[0].entry, 'gatehouse');
  assert.equal(readFileSync(file, 'utf8'), '{}');
});

test('where nothing proves the entry and the agent wrote its file meanwhile, what it wrote stays and our entry goes', async (t) => {
  const { machine, connections } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const url = await strange(t, (_request, response) => {
    writeFileSync(file, JSON.stringify({ theirs: 1, ...JSON.parse(readFileSync(file, 'utf8')) }));
    response.end('no');
  });
  await assert.rejects(connections.connect('cursor', url), { code: 'unavailable' });
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { theirs: 1, mcpServers: {} });
  assert.equal((await connections.connect('cursor', gate.url)).entry, 'gatehouse');
});

test('undo takes away the folders that were made for the file, as far as nobody put anything into them', async (t) => {
  const { machine, connections, file } = setUp(t);
  await connections.connect('cursor', gate.url);
  await connections.disconnect('cursor');
  assert.deepEqual(readdirSync(machine.home), []);
  await assert.rejects(connections.connect('cursor', 'http://127.0.0.1:1/mcp'));
  assert.deepEqual(readdirSync(machine.home), [], 'nor after a failure');
  await connections.connect('cursor', gate.url);
  writeFileSync(join(dirname(file), 'theirs'), '');
  await connections.disconnect('cursor');
  assert.deepEqual(readdirSync(dirname(file)), ['theirs']);
  rmSync(join(dirname(file), 'theirs'));
  await connections.connect('cursor', gate.url);
  await connections.disconnect('cursor');
  assert.deepEqual(readdirSync(dirname(file)), [], 'a folder that was there before stays');
});

test('undo after connecting again, for another address, puts back what was there before the first time', async (t) => {
  const other = await openGate();
  t.after(() => other.close());
  for (const text of [undefined, '{"theme":1}', usedFile('jsonc', 'other')]) {
    const { machine, connections, file, row } = setUp(t);
    if (text !== undefined) fileIn(cursor.config, machine, text);
    await connections.connect('cursor', gate.url);
    const moved = gate.url.replace('127.0.0.1', 'localhost');
    assert.equal((await connections.connect('cursor', moved)).already, false);
    assert.equal(row().state, 'changed');
    assert.equal((await connections.disconnect('cursor')).restored, 'whole');
    assert.equal(existsSync(file) ? readFileSync(file, 'utf8') : undefined, text);
  }
});

test('a link that leads elsewhere since the file was read is not written through', posix, (t) => {
  const { machine, file } = setUp(t);
  for (const name of ['one', 'two']) {
    mkdirSync(join(machine.home, name));
    writeFileSync(join(machine.home, name, 'mcp.json'), '{}');
  }
  symlinkSync(join(machine.home, 'one'), dirname(file));
  const read = readConfigFile(file, machine.home, 1000);
  unlinkSync(dirname(file));
  symlinkSync(join(machine.home, 'two'), dirname(file));
  assert.throws(() => replaceConfigFile(read, Buffer.from('{"token":1}')), { code: 'conflict' });
  for (const name of ['one', 'two']) assert.equal(readFileSync(join(machine.home, name, 'mcp.json'), 'utf8'), '{}');
});

test('a lock that somebody spoilt ends in a message', posix, async (t) => {
  const { machine, connections } = setUp(t);
  writeFileSync(join(machine.home, '.claude.json'), '{}');
  const lock = join(machine.home, '.claude.json.lock');
  mkdirSync(join(lock, 'x'), { recursive: true });
  utimesSync(lock, new Date(0), new Date(0));
  await assert.rejects(connections.connect('claude-code', gate.url), { code: 'conflict', message: /is writing/ });
});

test('where somebody put an entry of theirs in the place of ours, ours can be written under another name', async (t) => {
  const { machine, connections, row } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  const theirs = '{"mcpServers": {"gatehouse": {"url": "https://other.example/mcp"}}}';
  writeFileSync(file, theirs);
  assert.deepEqual([row().state, row().isTaken], ['changed', true]);
  await assert.rejects(connections.connect('cursor', gate.url), { code: 'conflict' });
  assert.deepEqual((await connections.connect('cursor', gate.url, { entry: 'company' })).agent, agent);
  assert.equal((await connections.disconnect('cursor')).restored, 'whole');
  assert.equal(readFileSync(file, 'utf8'), theirs);
});

test('a file that is empty only while its agent writes it is not taken for a reset', async (t) => {
  const { machine, connections } = setUp(t, { settleMs: 300 });
  const file = fileIn(cursor.config, machine, '{"theirs":1}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  const { ino } = statSync(file);
  const next = readFileSync(file, 'utf8').replace('"theirs":1', '"theirs":2');
  const descriptor = openSync(file, 'w');
  const looked = connections.check();
  await new Promise((done) => setTimeout(done, 100));
  writeSync(descriptor, next);
  closeSync(descriptor);
  await looked;
  assert.equal(statSync(file).ino, ino);
  assert.equal(readFileSync(file, 'utf8'), next);
  await connections.check();
  const { state, repairedAt } = connections.configOf(agent)!;
  assert.deepEqual([state, repairedAt], ['connected', undefined]);
});

test(
  'a token that a crash left beside an agent’s file is taken away by the next change, what is of somebody else is not',
  posix,
  async (t) => {
    const { machine, connections } = setUp(t);
    const file = fileIn(cursor.config, machine, '{}');
    const left = ['.gatehouse-0123456789ab', '.gatehouse-0123456789ac', '.gatehouse-theirs', '.gatehouse-0123456789ad'].map((name) =>
      join(dirname(file), name),
    );
    for (const path of left.slice(0, 3)) writeFileSync(path, 'gha_left');
    mkdirSync(left[3]!);
    for (const path of [left[0]!, left[2]!, left[3]!]) utimesSync(path, new Date(0), new Date(0));
    await connections.connect('cursor', gate.url);
    assert.deepEqual(left.map(existsSync), [false, true, true, true], 'one that is new may be in use');
  },
);

test('an agent that looks elsewhere since then is connected there in the place of the one before, with its limit; a failure changes nothing', async (t) => {
  const { machine, connections, dir } = setUp(t);
  const { agent = '', file } = await connections.connect('codex', gate.url);
  const token = /gha_[\w-]+/.exec(readFileSync(file, 'utf8'))![0];
  gate.agents.limit(agent, ['files']);
  const moved = { ...machine, env: { ...machine.env, CODEX_HOME: join(machine.home, 'moved') } };
  const later = connectionsIn(t, gate, moved, { dir }).connections;
  await assert.rejects(later.connect('codex', 'http://127.0.0.1:1/mcp'));
  assert.deepEqual(limitOf(agent), ['files']);
  const done = await later.connect('codex', gate.url);
  assert.equal(done.file, join(machine.home, 'moved', 'config.toml'));
  assert.equal(done.agent, agent);
  assert.equal(gate.agents.verify(token), undefined, 'what stands in the old file opens nothing');
  assert.deepEqual(limitOf(agent), ['files']);
});

test('two agents that read one file: each entry goes by itself, in either order', async (t) => {
  for (const first of ['gemini', 'qwen-code']) {
    const home = homeOf(t, 'linux');
    const machine = { ...home, env: { ...home.env, QWEN_HOME: join(home.home, '.gemini') } };
    const { connections } = connectionsIn(t, gate, machine);
    const file = join(home.home, '.gemini', 'settings.json');
    mkdirSync(dirname(file));
    writeFileSync(file, '{\n  "theme": 1,\n  "mcpServers": {}\n}\n');
    await connections.connect('gemini', gate.url);
    await assert.rejects(connections.connect('qwen-code', gate.url), { code: 'conflict' });
    await connections.connect('qwen-code', gate.url, { entry: 'second' });
    await connections.disconnect(first);
    const left = Object.keys(JSON.parse(readFileSync(file, 'utf8')).mcpServers);
    assert.deepEqual(left, [first === 'gemini' ? 'second' : 'gatehouse']);
    await connections.check();
    await connections.disconnect(first === 'gemini' ? 'qwen-code' : 'gemini');
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), { theme: 1, mcpServers: {} });
  }
});
