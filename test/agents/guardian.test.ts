import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { withoutEntry } from '../../src/agents/clients/edit/edit.ts';
import { claudeCode } from '../../src/agents/clients/programs/claude-code.ts';
import { fileIn, homeOf, usedFile } from '../support/homes.ts';
import { connectionsIn, type Gate, openGate } from './connect-setup.ts';

let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

const hour = 60 * 60 * 1000;
const place = { path: 'x', language: 'jsonc', container: 'mcpServers' } as const;
const id = 'claude-code';

async function connected(t: TestContext, text = usedFile('jsonc', 'mcpServers')) {
  const machine = homeOf(t, 'linux');
  const clock = { now: Date.now(), url: gate.url as string | undefined };
  const made = connectionsIn(t, gate, machine, { now: () => clock.now, ownUrl: () => clock.url });
  const file = fileIn(claudeCode.config, machine, text);
  const { agent = '' } = await made.connections.connect(id, gate.url);
  let written = Date.now() + 10_000;
  return {
    ...made,
    machine,
    clock,
    file,
    agent,
    read: () => readFileSync(file, 'utf8'),
    /** With another time each, as a clock that goes on would have it. */
    write(next: string) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, next);
      utimesSync(file, new Date(), new Date((written += 1000)));
    },
    state: () => made.connections.configOf(agent)!,
    row: () => made.connections.detect(gate.url).find((each) => each.id === id)!,
  };
}

test('an entry that was taken out alone stays out: the person meant it', async (t) => {
  const { connections, read, write, state, row, notes } = await connected(t);
  const edited = withoutEntry(read(), place, 'gatehouse').replace('"dark"', '"light"');
  write(edited);
  await connections.check();
  assert.equal(read(), edited);
  assert.equal(state().state, 'removed');
  assert.match(row().why!, /taken out of .* so it is not put back/);
  write(edited.replace('"numStartups": 12', '"numStartups": 13'));
  await connections.check();
  assert.ok(!read().includes('gatehouse'), 'not later either');
  assert.deepEqual(notes, []);
  await connections.connect(id, gate.url);
  assert.equal(state().state, 'connected');
});

test('an entry that the person changed stays as it is, and is told', async (t) => {
  const { connections, read, write, state, row } = await connected(t);
  const off = read().replace('"type": "http"', '"type": "http", "disabled": true');
  write(off);
  await connections.check();
  assert.equal(read(), off);
  assert.equal(state().state, 'changed');
  assert.equal(row().state, 'changed');
  write(read().replace('"numStartups": 12', '"numStartups": 13'));
  await connections.check();
  assert.ok(read().includes('"disabled": true'));
  write(read().replace(', "disabled": true', ''));
  await connections.check();
  assert.equal(state().state, 'connected', 'what was changed back is ours again');
});

for (const [what, next] of [
  ['all servers are dropped', '{ "theme": "dark", "numStartups": 13, "last": [] }'],
  ['other members are dropped', '{ "theme": "dark", "mcpServers": { "files": {} } }'],
  ['the file is emptied', ''],
  ['the file is gone', undefined],
] as const)
  test(`${what}: our entry is put back with the token that the agent has, all else stays`, async (t) => {
    const { connections, read, write, state, file, agent, notes, row, vault } = await connected(t);
    const token = vault.content.get('connection-claude-code')!;
    if (next === undefined) {
      // What says that the agent is installed must not be the file itself.
      mkdirSync(join(dirname(file), '.claude'));
      rmSync(file);
    } else write(next);
    await connections.check();
    assert.equal(state().state, 'connected', state().why);
    assert.ok(state().repairedAt && row().repairedAt);
    assert.ok(read().includes(token));
    assert.deepEqual(gate.agents.verify(token), { name: agent });
    if (next) assert.equal(JSON.parse(read()).theme, 'dark');
    assert.equal(notes.length, 1);
  });

test('whoever takes out what has just been put back means it', async (t) => {
  const { connections, write, state, read } = await connected(t);
  write('{}');
  await connections.check();
  assert.equal(state().state, 'connected');
  write('{"version":3}');
  await connections.check();
  assert.equal(state().state, 'removed');
  assert.equal(read(), '{"version":3}');
});

test('an entry is put back three times a day, then no more; a day later again', async (t) => {
  const { connections, write, state, clock } = await connected(t);
  for (let round = 0; round < 3; round++) {
    write('{}');
    await connections.check();
    assert.equal(state().state, 'connected');
    clock.now += 2 * hour;
  }
  write('{ }');
  await connections.check();
  assert.equal(state().state, 'lost');
  assert.match(state().why!, /more than 3 times in a day/);
  clock.now += 24 * hour;
  write('{  }');
  await connections.check();
  assert.equal(state().state, 'connected');
});

test('a file that cannot be read is left, and looked at again when it can', async (t) => {
  const { connections, write, read, state } = await connected(t);
  write('{"half":');
  await connections.check();
  assert.equal(read(), '{"half":');
  assert.equal(state().state, 'changed');
  write('{"half":1}');
  await connections.check();
  assert.equal(state().state, 'connected');
});

test('nothing is put back for a credential that was revoked, nor for an agent that is no longer there', async (t) => {
  const revoked = await connected(t);
  gate.agents.revoke(revoked.agent);
  revoked.write('{}');
  await revoked.connections.check();
  assert.equal(revoked.read(), '{}');
  const gone = await connected(t);
  rmSync(gone.file);
  await gone.connections.check();
  assert.equal(gone.state().state, 'lost');
  assert.match(gone.state().why!, /no longer installed/);
});

test('while another program may have the port, nothing is put back and no token is sent; afterwards it is', async (t) => {
  const { connections, write, read, state, clock } = await connected(t);
  clock.url = undefined;
  write('{}');
  await connections.check();
  assert.equal(read(), '{}');
  clock.url = gate.url;
  await connections.check();
  assert.equal(state().state, 'connected');
  assert.ok(read().includes(gate.url));
});

test('without a vault that keeps the token, the entry is put back with a new one; the old one is dead', async (t) => {
  const { connections, write, read, vault, agent, state } = await connected(t);
  const token = vault.content.get('connection-claude-code')!;
  vault.content.clear();
  write('{}');
  await connections.check();
  assert.equal(state().state, 'connected');
  assert.ok(!read().includes(token));
  assert.equal(gate.agents.verify(token), undefined);
  assert.ok(gate.agents.isLive(agent));
});

test('a file is looked at only where its time or size changed', async (t) => {
  const { connections, read, file, state } = await connected(t);
  const then = new Date(1_700_000_000_000);
  utimesSync(file, then, then);
  await connections.check();
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, read().replaceAll('gatehouse', 'somewhere'), 0);
  closeSync(descriptor);
  utimesSync(file, then, then);
  await connections.check();
  assert.equal(state().state, 'connected', 'the guardian has not looked');
  utimesSync(file, new Date(), new Date());
  await connections.check();
  assert.equal(state().state, 'removed');
});

test('what the person adds and takes away beside our entry is taken note of', async (t) => {
  const { connections, read, write, state } = await connected(t);
  // They end with a server of theirs first, and with ours some days later: two edits, each deliberate.
  write(withoutEntry(read(), place, 'files'));
  await connections.check();
  assert.equal(state().state, 'connected');
  write(withoutEntry(read(), place, 'gatehouse'));
  await connections.check();
  assert.equal(state().state, 'removed');
});

test('a file of megabytes, as Claude Code keeps one, is looked at without holding up the calls', async (t) => {
  const projects = Object.fromEntries(
    Array.from({ length: 400 }, (_, at) => [
      `/p${at}`,
      { history: Array.from({ length: 100 }, (__, line) => `what was asked ${line}`.repeat(3)) },
    ]),
  );
  const { connections, read, write, state } = await connected(t, JSON.stringify({ projects }, undefined, 2));
  write(read().replace('"projects"', '"numStartups": 1,\n  "projects"'));
  const before = performance.eventLoopUtilization();
  await connections.check();
  const { active } = performance.eventLoopUtilization(before);
  assert.equal(state().state, 'connected');
  assert.ok(read().length > 2_000_000);
  assert.ok(active < 150, `${active} ms`);
});
