import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { clients } from '../../src/agents/clients/programs/table.ts';
import { openShadow } from '../../src/agents/shadow/shadow.ts';
import { silent } from '../../src/base/log.ts';
import { serverEntry } from '../../src/bundle/schema.ts';
import { fileIn, homeOf, type System, usedFile } from '../support/homes.ts';
import { connectionsIn, type Gate, openGate } from './connect-setup.ts';

let gate: Gate;
before(async () => {
  gate = await openGate();
});
after(() => gate.close());

const files = (command: string, args: string[]) =>
  serverEntry.parse({
    id: 'files',
    name: 'x/files',
    title: 'Files',
    description: '',
    version: '1',
    launch: { command, args },
    catalogue: {},
    tools: {},
  });

async function setUp(t: TestContext, id: string, { system = 'linux', connect = true }: { system?: System; connect?: boolean } = {}) {
  const machine = homeOf(t, system);
  const { connections, dir } = connectionsIn(t, gate, machine);
  const { config } = clients.find((each) => each.id === id)!;
  const original = usedFile(config!.language, config!.container!);
  const file = fileIn(config!, machine, original);
  if (connect) await connections.connect(id, gate.url);
  let limit: string[] | undefined;
  const notes: string[] = [];
  const shadow = openShadow({
    dir,
    machine,
    now: Date.now,
    log: silent,
    connections,
    limit: () => limit,
    note: (reason) => notes.push(reason),
  });
  const now = { gateway: gate.url, blessed: id === 'goose' ? [files('npx', [])] : [files('npx', ['-y', 'files'])] };
  return {
    ...{ file, original, connections, shadow, now, notes, dir },
    text: () => readFileSync(file, 'utf8'),
    limitTo: (servers: string[]) => {
      limit = servers;
    },
  };
}

for (const [id, system] of [
  ['cursor', 'linux'],
  ['claude-code', 'darwin'],
  ['codex', 'win32'],
  ['goose', 'linux'],
] as const)
  test(`${id} on ${system}: moved behind the gate without a value shown, and put back to the byte`, async (t) => {
    const { shadow, now, text, connections, notes, dir } = await setUp(t, id, { system });
    const stood = text();
    const shown = shadow.preview(id, 'files', now);
    assert.equal(text(), stood, 'a preview changes nothing');
    assert.match(shown.diff, /^-.*files/m);
    assert.ok(!/sk-other|gha_/.test(shown.diff), shown.diff);
    const done = await shadow.move(id, 'files', now, shown.planned);
    assert.equal(done.equivalent.id, 'files');
    assert.ok(!text().includes('sk-other'));
    assert.equal(connections.detect(gate.url).find((each) => each.id === id)!.state, 'connected', 'ours stays');
    const { servers, moved } = shadow.scan(now);
    assert.deepEqual([servers, moved.map(({ move, name }) => [move, name])], [[], [[done.move, 'files']]]);
    if (process.platform !== 'win32')
      for (const name of readdirSync(join(dir, 'moved'))) assert.equal(statSync(join(dir, 'moved', name)).mode & 0o777, 0o600);
    assert.equal((await shadow.putBack(done.move)).restored, 'whole');
    assert.equal(text(), stood);
    assert.deepEqual(readdirSync(join(dir, 'moved')), [], 'no copy with secrets stays behind');
    assert.equal(shadow.scan(now).servers.length, 1);
    assert.equal(notes.length, 2);
  });

test('put back after the agent wrote its file: the entry alone, and what changed since stays', async (t) => {
  const { shadow, now, text, file } = await setUp(t, 'cursor');
  const { move } = await shadow.move('cursor', 'files', now);
  writeFileSync(file, `// later\n${text()}`);
  assert.equal((await shadow.putBack(move)).restored, 'entry');
  assert.match(text(), /^\/\/ later\n/);
  assert.match(text(), /sk-other/);
  await assert.rejects(shadow.putBack(move), { code: 'not-found' });
});

test('nothing is moved where the agent would be without it, or where it is not what was shown', async (t) => {
  const { shadow, now, text, file, limitTo } = await setUp(t, 'cursor');
  const stood = text();
  const refused = async (
    code: string,
    at: Partial<typeof now> | { blessed: undefined } | { gateway: undefined },
    name = 'files',
    planned?: string,
  ) => {
    await assert.rejects(shadow.move('cursor', name, { ...now, ...at }, planned), { code });
    assert.equal(text(), stood);
  };
  await refused('unavailable', { blessed: undefined });
  await refused('conflict', { blessed: [] });
  await refused('conflict', { blessed: [files('npx', ['-y', 'files-evil'])] });
  await refused('conflict', { gateway: undefined });
  await refused('conflict', { gateway: 'http://127.0.0.1:1/mcp' });
  await refused('not-found', {}, 'gatehouse');
  await refused('not-found', {}, '••••');
  await refused('conflict', {}, 'files', 'a'.repeat(64));
  limitTo(['other']);
  await refused('conflict', {});
  limitTo(['files']);
  writeFileSync(file, '{ broken');
  await assert.rejects(shadow.move('cursor', 'files', now), { code: 'conflict' });
  assert.equal(text(), '{ broken');
  const apart = await setUp(t, 'cursor', { connect: false });
  await assert.rejects(apart.shadow.move('cursor', 'files', now), { code: 'conflict' });
  assert.equal(apart.text(), apart.original);
});

test('what the company is asked to bless is what the scan tells, without a secret, and not what is blessed already', async (t) => {
  const { shadow, now, file } = await setUp(t, 'cursor', { connect: false });
  const none = { gateway: undefined, blessed: [] };
  assert.deepEqual(shadow.described('cursor', 'files', none), { name: 'files', command: 'npx -y files' });
  assert.throws(() => shadow.described('cursor', 'files', now), { code: 'conflict' });
  assert.throws(() => shadow.described('codex', 'files', none), { code: 'not-found' });
  const secret = 'hunter2-of-ada';
  writeFileSync(
    file,
    JSON.stringify({
      mcpServers: {
        far: { url: `https://x.example/mcp?k=${secret}`, headers: { K: secret } },
        long: { command: 'x', args: Array(2000).fill(secret) },
      },
    }),
  );
  assert.deepEqual(shadow.described('cursor', 'far', none), { name: 'far', url: 'https://x.example/mcp?k=••••' });
  const long = shadow.described('cursor', 'long', none);
  assert.ok('command' in long && long.command.length === 2000 && !long.command.includes(secret));
});

test('a copy that was altered, or a server that came back under the name, is not written over', async (t) => {
  const { shadow, now, text, dir } = await setUp(t, 'cursor');
  const stood = text();
  const { move } = await shadow.move('cursor', 'files', now);
  const moved = text();
  const copy = join(dir, 'moved', `${move}.copy`);
  writeFileSync(copy, '{"mcpServers":{"evil":{"command":"evil"}}}');
  await assert.rejects(shadow.putBack(move), { code: 'not-found' });
  assert.equal(text(), moved);
  writeFileSync(copy, stood);
  writeFileSync(join(dir, 'moved', '0000000000000000.json'), 'x');
  assert.equal(shadow.scan(now).moved.length, 1, 'a damaged record hides none of the others');
  const record = JSON.parse(readFileSync(join(dir, 'moved', `${move}.json`), 'utf8'));
  writeFileSync(join(dir, 'moved', `${move}.json`), JSON.stringify({ ...record, file: copy }));
  await assert.rejects(shadow.putBack(move), { code: 'conflict' });
  assert.equal(readFileSync(copy, 'utf8'), stood, 'only a file where the agent looks is written');
});
