import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { readConfigFile, replaceConfigFile } from '../../src/agents/clients/config-file.ts';
import { codex } from '../../src/agents/clients/programs/codex.ts';
import { cursor } from '../../src/agents/clients/programs/cursor.ts';
import { clients } from '../../src/agents/clients/programs/table.ts';
import { fileIn, homeOf, usedFile } from '../support/homes.ts';
import { connectionsIn, type Gate, openGate } from './connect-setup.ts';

const posix = { skip: process.platform === 'win32' && 'no modes, links and pipes of this kind on Windows' };
let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

function setUp(t: TestContext) {
  const machine = homeOf(t, 'linux');
  const made = connectionsIn(t, gate, machine);
  return { machine, ...made, file: cursor.config.files(machine)[0]! };
}

const live = () => gate.agents.list().filter(({ revokedAt }) => !revokedAt).length;

/** All that a folder holds, so that "untouched" means every name and byte in it. */
const snapshot = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((path) => [path, lstatSync(path).isFile() ? readFileSync(path).toString('base64') : lstatSync(path).mode]);

for (const [what, make, message] of [
  ['malformed', (file: string) => writeFileSync(file, '{"mcpServers": {'), /is not JSON that can be read/],
  ['read-only', (file: string) => writeFileSync(file, '{}', { mode: 0o444 }), /is read-only/],
  ['too large', (file: string) => writeFileSync(file, `{"a":"${'x'.repeat(16 * 1024 * 1024)}"}`), /has 17 MB, more than the 16 MB/],
  ['a folder', (file: string) => mkdirSync(file), /is a folder/],
  ['a pipe', (file: string) => execFileSync('/usr/bin/mkfifo', [file]), /is no regular file/],
  ['UTF-16', (file: string) => writeFileSync(file, Buffer.from('\ufeff{}', 'utf16le')), /is no text in UTF-8/],
  ['Latin-1', (file: string) => writeFileSync(file, Buffer.from('{"a":"\xe4"}', 'latin1')), /is no text in UTF-8/],
  ['a link to nowhere', (file: string) => symlinkSync(join(dirname(file), 'gone'), file), /is a link to something that is not there/],
  ['a link in a circle', (file: string) => symlinkSync(file, file), /cannot be reached/],
  ['a link out of the home', (file: string) => symlinkSync('/etc/hostname', file), /leads to \/etc\/hostname, outside of/],
  ['a link to a device', (file: string) => symlinkSync('/dev/zero', file), /outside of/],
] as const)
  test(`${what}: a message that says what to do, and an untouched file`, posix, async (t) => {
    const { machine, connections, file } = setUp(t);
    mkdirSync(dirname(file), { recursive: true });
    make(file);
    const was = snapshot(machine.home);
    const failure = (error: { code: string; message: string; fix: string }) => {
      assert.equal(error.code, 'conflict');
      assert.match(error.message, message);
      assert.match(error.message, /left as it is/);
      assert.ok(error.fix.length > 5);
      return true;
    };
    assert.throws(() => connections.preview('cursor', gate.url), failure);
    const had = live();
    await assert.rejects(connections.connect('cursor', gate.url), failure);
    assert.equal(live(), had, 'no credential is left behind');
    assert.deepEqual(snapshot(machine.home), was);
    const row = connections.detect().find(({ id }) => id === 'cursor')!;
    assert.equal(row.state, 'not-connected');
    assert.match(row.why!, message);
  });

for (const [id, size] of [
  ['codex', '256 KB'],
  ['goose', '64 KB'],
] as const)
  test(`a file of ${id} that would take seconds to parse is not parsed: calls go on meanwhile`, (t) => {
    const { machine, connections } = setUp(t);
    const { config } = clients.find((client) => client.id === id)!;
    fileIn(config!, machine, Array.from({ length: 60_000 }, (_, at) => `k${at}${config!.language === 'toml' ? ' = 1' : ': 1'}`).join('\n'));
    const begun = performance.now();
    const { state, why } = connections.detect().find((row) => row.id === id)!;
    assert.ok(performance.now() - begun < 200);
    assert.equal(state, 'not-connected');
    assert.ok(why!.includes(`more than the ${size} that are read`), why);
  });

test('a folder on the way that leads out of the home is not followed', posix, async (t) => {
  const { machine, connections } = setUp(t);
  const other = homeOf(t, 'linux').home;
  symlinkSync(other, join(machine.home, '.cursor'));
  await assert.rejects(connections.connect('cursor', gate.url), { code: 'conflict', message: /outside of/ });
  assert.deepEqual(readdirSync(other), []);
});

test('a link within the home is followed, stays a link, and is told', posix, async (t) => {
  const { machine, connections, file } = setUp(t);
  const real = join(machine.home, 'dotfiles', 'mcp.json');
  mkdirSync(dirname(real), { recursive: true });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(real, '{}', { mode: 0o640 });
  symlinkSync(real, file);
  const { warnings } = await connections.connect('cursor', gate.url);
  assert.equal(warnings.length, 2);
  assert.match(warnings[0]!, /is a link; .*dotfiles\/mcp\.json is what is changed/);
  assert.match(warnings[1]!, /Other users of this machine can read .*chmod 600/);
  assert.ok(lstatSync(file).isSymbolicLink());
  assert.equal(statSync(real).mode & 0o777, 0o640, 'the mode stays');
  await connections.disconnect('cursor');
  assert.equal(readFileSync(real, 'utf8'), '{}');
});

test('a file written by another program after it was read is refused, and nothing of it is lost', (t) => {
  const { machine } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const read = readConfigFile(file, machine.home, 1000);
  writeFileSync(file, '{"theirs":1}');
  assert.throws(() => replaceConfigFile(read, Buffer.from('{"ours":1}')), { code: 'conflict', message: /changed by another program/ });
  assert.throws(() => replaceConfigFile(read, undefined), { code: 'conflict' });
  assert.equal(readFileSync(file, 'utf8'), '{"theirs":1}');
  rmSync(file);
  assert.throws(() => replaceConfigFile(read, Buffer.from('{}')), { code: 'conflict' });
  const none = readConfigFile(file, machine.home, 1000);
  writeFileSync(file, '{"theirs":2}');
  assert.throws(() => replaceConfigFile(none, Buffer.from('{"ours":1}')), { code: 'conflict' });
  assert.equal(readFileSync(file, 'utf8'), '{"theirs":2}');
  assert.deepEqual(readdirSync(dirname(file)), ['mcp.json'], 'nothing is left beside it');
});

test('a file that is another one than was shown is refused', async (t) => {
  const { machine, connections } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const { planned } = connections.preview('cursor', gate.url);
  writeFileSync(file, '{ }');
  const had = live();
  await assert.rejects(connections.connect('cursor', gate.url, { planned }), { code: 'conflict', message: /changed since it was shown/ });
  assert.equal(readFileSync(file, 'utf8'), '{ }');
  assert.equal(live(), had);
});

test('an entry of our name that we did not write is never overwritten; ours may have another name', async (t) => {
  const { machine, connections } = setUp(t);
  const text = '{"mcpServers": {"gatehouse": {"url": "https://other.example/mcp"}}}';
  const file = fileIn(cursor.config, machine, text);
  await assert.rejects(connections.connect('cursor', gate.url), { code: 'conflict', message: /did not write/, fix: /--name NAME/ });
  assert.equal(readFileSync(file, 'utf8'), text);
  const row = () => connections.detect().find(({ id }) => id === 'cursor')!;
  assert.match(row().why!, /did not write/);
  assert.equal(row().isTaken, true);
  writeFileSync(file, '{');
  assert.equal(row().isTaken, undefined, 'another name does not mend another trouble');
  writeFileSync(file, text);
  const { entry } = await connections.connect('cursor', gate.url, { entry: 'company' });
  assert.equal(entry, 'company');
  const { mcpServers } = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual(Object.keys(mcpServers).toSorted(), ['company', 'gatehouse']);
  await assert.rejects(connections.connect('cursor', gate.url, { entry: 'third' }), { message: /connected as "company" already/ });
  await connections.disconnect('cursor');
  assert.equal(readFileSync(file, 'utf8'), text);
});

test('what replaced our entry under its name is left, also by disconnect; the token is dead all the same', async (t) => {
  const { machine, connections } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  const theirs = '{"mcpServers": {"gatehouse": {"url": "https://other.example/mcp"}}}';
  writeFileSync(file, theirs);
  assert.equal(connections.detect().find(({ id }) => id === 'cursor')!.state, 'changed');
  assert.equal((await connections.disconnect('cursor')).restored, 'nothing');
  assert.equal(readFileSync(file, 'utf8'), theirs);
  assert.equal(gate.agents.isLive(agent), false);
});

test('where the file cannot be edited any more, disconnecting still ends the access, and connecting later mends it', async (t) => {
  const { machine, connections } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, `${text}}`);
  await assert.rejects(connections.disconnect('cursor'), { code: 'conflict', message: /no longer works all the same/ });
  assert.equal(gate.agents.isLive(agent), false);
  writeFileSync(file, text);
  assert.equal((await connections.connect('cursor', gate.url)).already, false);
  await connections.disconnect('cursor');
});

test('a credential that the person revoked is replaced by connecting again', async (t) => {
  const { machine, connections } = setUp(t);
  fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  gate.agents.revoke(agent);
  assert.deepEqual(
    connections
      .detect()
      .filter(({ id }) => id === 'cursor')
      .map(({ state, why }) => [state, why]),
    [['changed', 'Its token was revoked.']],
  );
  assert.equal((await connections.connect('cursor', gate.url)).agent, agent);
  assert.equal(connections.detect().find(({ id }) => id === 'cursor')!.state, 'connected');
});

test('a name that an agent has already is not taken from it', async (t) => {
  const { connections } = setUp(t);
  gate.agents.add('cursor');
  assert.equal((await connections.connect('cursor', gate.url)).agent, 'Cursor 2');
});

test('where nothing proves the entry, the file is put back and no credential stays', async (t) => {
  const { machine, connections } = setUp(t);
  const file = fileIn(codex.config, machine, usedFile('toml', 'mcp_servers'));
  const was = readFileSync(file);
  const odd = createServer((_request, response) => response.end('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}'));
  await new Promise<void>((done) => odd.listen(0, '127.0.0.1', done));
  t.after(() => odd.close());
  const had = live();
  for (const url of [`http://127.0.0.1:${(odd.address() as AddressInfo).port}/mcp`, 'http://127.0.0.1:1/mcp'])
    await assert.rejects(connections.connect('codex', url), { code: 'unavailable' });
  assert.deepEqual(readFileSync(file), was);
  assert.equal(live(), had);
  assert.equal(connections.detect().find(({ id }) => id === 'codex')!.state, 'not-connected');
});

test('copies of files are private, few, and hold no token of ours; nor does the list of connections', posix, async (t) => {
  const { machine, connections, dir, vault } = setUp(t);
  let at = Date.now();
  const other = connectionsIn(t, gate, machine, { now: () => (at += 1000), dir });
  fileIn(cursor.config, machine, usedFile('jsonc', 'mcpServers'));
  const tokens: string[] = [];
  for (let round = 0; round < 9; round++) {
    await other.connections.connect('cursor', gate.url);
    tokens.push(other.vault.content.get('connection-cursor')!);
    await other.connections.disconnect('cursor');
  }
  assert.equal(new Set(tokens).size, 9);
  assert.equal(other.vault.content.size + vault.content.size, 0);
  const copies = readdirSync(join(dir, 'connections'));
  assert.equal(copies.length, 5);
  for (const copy of copies) assert.equal(statSync(join(dir, 'connections', copy)).mode & 0o777, 0o600);
  const kept = [...copies.map((copy) => join(dir, 'connections', copy)), join(dir, 'connections.json')]
    .map((path) => readFileSync(path, 'utf8'))
    .join();
  for (const token of tokens) assert.ok(!kept.includes(token));
  assert.ok(connections);
});

test('a copy that somebody changed is not put back: our entry alone is taken out', async (t) => {
  const { machine, connections, dir } = setUp(t);
  const text = usedFile('jsonc', 'mcpServers');
  const file = fileIn(cursor.config, machine, text);
  await connections.connect('cursor', gate.url);
  const [copy] = readdirSync(join(dir, 'connections'));
  writeFileSync(join(dir, 'connections', copy!), '{"mcpServers":{"evil":{"command":"evil"}}}');
  assert.equal((await connections.disconnect('cursor')).restored, 'entry');
  assert.equal(readFileSync(file, 'utf8'), text);
});

test('a list of connections that names another file has nothing read or written there', async (t) => {
  const { machine, connections, dir } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const agent = (await connections.connect('cursor', gate.url)).agent!;
  const other = join(machine.home, 'other.json');
  const copy = readFileSync(file);
  writeFileSync(other, copy);
  const list = join(dir, 'connections.json');
  writeFileSync(list, readFileSync(list, 'utf8').replace(JSON.stringify(file), JSON.stringify(other)));
  const later = connectionsIn(t, gate, machine, { dir });
  writeFileSync(other, '{}');
  await later.connections.check();
  assert.equal(later.connections.configOf(agent)!.state, 'lost');
  assert.equal((await later.connections.disconnect('cursor')).restored, 'nothing');
  assert.equal(readFileSync(other, 'utf8'), '{}');
  assert.deepEqual(readFileSync(file), copy);
  assert.equal(gate.agents.isLive(agent), false);
});

test('a pipe put in the place of the file after it was read holds nothing up', posix, (t) => {
  const { machine } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  const read = readConfigFile(file, machine.home, 1000);
  rmSync(file);
  execFileSync('/usr/bin/mkfifo', [file]);
  assert.throws(() => replaceConfigFile(read, Buffer.from('{ }')), { code: 'conflict' });
  assert.ok(lstatSync(file).isFIFO());
});

test('a damaged list of connections is put aside: our entries are foreign then, and stay', async (t) => {
  const { machine, connections, dir } = setUp(t);
  fileIn(cursor.config, machine, '{}');
  await connections.connect('cursor', gate.url);
  writeFileSync(join(dir, 'connections.json'), '{"version": 1, "connections": [{"id": "cursor"}]}');
  const later = connectionsIn(t, gate, machine, { dir });
  assert.equal(existsSync(join(dir, 'connections.json.damaged')), true);
  await assert.rejects(later.connections.connect('cursor', gate.url), { code: 'conflict', message: /did not write/ });
});

test('while Claude Code holds the lock of its file, it is left alone; a lock of a program that is gone is not waited for', async (t) => {
  const { machine, connections } = setUp(t);
  const file = join(machine.home, '.claude.json');
  writeFileSync(file, '{}');
  mkdirSync(`${file}.lock`);
  await assert.rejects(connections.connect('claude-code', gate.url), { code: 'conflict', message: /is writing/ });
  assert.equal(readFileSync(file, 'utf8'), '{}');
  assert.ok(existsSync(`${file}.lock`), 'its lock stays');
  utimesSync(`${file}.lock`, new Date(0), new Date(0));
  await connections.connect('claude-code', gate.url);
  assert.equal(existsSync(`${file}.lock`), false);
});

test('two commands at once do not undo each other', async (t) => {
  const { machine, connections } = setUp(t);
  fileIn(cursor.config, machine, '{}');
  const [first, second, third] = await Promise.all([
    connections.connect('cursor', gate.url),
    connections.connect('cursor', gate.url),
    connections.connect('codex', gate.url),
  ]);
  assert.deepEqual([first.already, second.already, third.already], [false, true, false]);
});

test('a folder that cannot be written to is told', {
  skip: process.platform === 'win32' || process.getuid?.() === 0 ? 'needs a user whom modes bind' : false,
}, async (t) => {
  const { machine, connections } = setUp(t);
  const file = fileIn(cursor.config, machine, '{}');
  chmodSync(dirname(file), 0o500);
  try {
    await assert.rejects(connections.connect('cursor', gate.url), { code: 'conflict', message: /cannot be written/ });
    assert.equal(readFileSync(file, 'utf8'), '{}');
  } finally {
    chmodSync(dirname(file), 0o700);
  }
});
