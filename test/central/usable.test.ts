import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { usable, usableAbout } from '../../src/bundle/usable.ts';
import { checkFolder } from '../../src/central/content/check.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { gatehouse } from '../cli/command.ts';
import { json, startRaw } from '../support/upstreams/raw.ts';
import { temporaryDir } from './company-folder.ts';

const nothings = [null, undefined, 'text', 7, [], {}];

for (const [kind, key] of [
  ['tools', 'name'],
  ['prompts', 'name'],
  ['resources', 'uri'],
  ['resourceTemplates', 'uriTemplate'],
] as const)
  test(`${kind}: what has no ${key} is left out, of two with one the first is kept, all else stays as it came`, () => {
    const rest = { ...(key === 'name' ? {} : { name: 'n' }), ...(kind === 'tools' ? { inputSchema: { type: 'object' } } : {}) };
    const first = { ...rest, [key]: 'a', title: 'first', 'x-vendor': { deep: [null] } };
    const other = key === 'uri' ? 'uriTemplate' : 'uri';
    const items = [
      first,
      ...nothings,
      { [key]: '' },
      { [key]: 7 },
      { [other]: 'b' },
      { ...rest, [key]: 'a', title: 'second' },
      { ...rest, [key]: 'c', [other]: 'a' },
    ];
    const { kept, leftOut } = usable(kind, items);
    assert.deepEqual(kept, [first, { ...rest, [key]: 'c', [other]: 'a' }]);
    assert.equal(kept[0], first);
    assert.deepEqual(
      leftOut.map(({ what }) => what),
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((at) => `${kind}[${at}]`).concat(`${kind}[10] a`),
    );
    assert.match(leftOut[0]!.why, /no object/);
    assert.match(leftOut[6]!.why, new RegExp(`no ${key}`));
    assert.match(leftOut.at(-1)!.why, /twice/);
  });

test('skills: one with files that are not its own is left out, the rest stay', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const skill = (name: string, ...files: string[]) => ({
    uri: `skill://${name}/SKILL.md`,
    frontmatter: { name, description: 'd' },
    resources: [`skill://${name}/SKILL.md`, ...files].map((uri) => ({ uri, digest, size: 1 })),
  });
  const bad = [skill('b', 'skill://a/other.md'), skill('c', 'skill://c/../a/x.md'), { uri: 'skill://d/SKILL.md' }, { uri: 'a://e' }];
  const { kept, leftOut } = usable('skills', [skill('a', 'skill://a/more.md'), ...bad, skill('a'), skill('f')]);
  assert.deepEqual(
    kept.map(({ uri }) => uri),
    ['skill://a/SKILL.md', 'skill://f/SKILL.md'],
  );
  assert.equal(leftOut.length, 5);
  assert.match(leftOut[0]!.why, /files of its own folder only/);
  assert.match(leftOut[4]!.why, /twice/);
});

test('what a server says of itself wrongly is dropped, the rest of it stays', () => {
  const good = { serverInfo: { name: 'a', version: '1', x: 1 }, instructions: 'Do.', capabilities: { tools: {} } };
  assert.deepEqual(usableAbout({ ...good, other: 1 }), { about: good, leftOut: [] });
  assert.deepEqual(usableAbout({}), { about: { capabilities: {} }, leftOut: [] });
  for (const serverInfo of [{ name: 'a' }, { version: '1' }, 'a', 7, []]) {
    const { about, leftOut } = usableAbout({ ...good, serverInfo });
    assert.deepEqual(about, { instructions: 'Do.', capabilities: { tools: {} } });
    assert.deepEqual(
      leftOut.map(({ what }) => what),
      ['serverInfo'],
    );
  }
  const { about, leftOut } = usableAbout({ ...good, instructions: ['Do.'], capabilities: 'all' });
  assert.deepEqual(about, { serverInfo: good.serverInfo, capabilities: {} });
  assert.equal(leftOut.length, 2);
});

test('a server with faults is blessed without them, and the command says what was left out and why', async (t) => {
  const lists: Record<string, unknown> = {
    'tools/list': {
      tools: [{ name: 'get', inputSchema: { type: 'object' } }, { name: 'get', inputSchema: { type: 'object' }, title: 'again' }, {}],
    },
    'resources/list': { resources: [{ name: 'no uri' }, { uri: 'a://1', name: 'one' }] },
    'prompts/list': undefined,
    initialize: {
      protocolVersion: '2025-11-25',
      serverInfo: { name: 'nameless' },
      instructions: 7,
      capabilities: { tools: {}, prompts: {}, resources: {} },
    },
    ping: {},
  };
  const raw = await startRaw(t, (message, response, request) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    if (message.id === undefined) return response.writeHead(202).end();
    const result = lists[message.method];
    json(response, {
      jsonrpc: '2.0',
      id: message.id,
      ...(result ? { result } : { error: { code: -32601, message: 'Method \u001b[31mnot found' } }),
    });
  });
  const dir = temporaryDir();
  t.after(() => dir.remove());
  cpSync(join(import.meta.dirname, '../../resources/demo'), dir.path, { recursive: true });
  const file = join(dir.path, 'servers/tickets.json');
  const server = JSON.parse(readFileSync(file, 'utf8'));
  server.remotes[0].url = raw.url;
  const entry = server._meta['dev.gatehouse/entry'];
  entry.era = 'legacy';
  entry.tools = {};
  writeFileSync(file, JSON.stringify(server));

  const said = await gatehouse(['policy', 'bless', dir.path, 'tickets']);
  assert.equal(said.code, 0, said.err);
  assert.match(said.err, /tickets: left out serverInfo: its version is missing\./);
  assert.match(said.err, /tickets: left out tools\[1\] get: it is listed twice, and the first one counts\./);
  assert.match(said.err, /tickets: left out tools\[2\]: it has no name\./);
  assert.match(said.err, /tickets: left out resources\[0\]: it has no uri\./);
  assert.match(said.err, /tickets: left out prompts\/list: it answered -32601: Method not found\./);
  assert.doesNotMatch(said.err, /templates/, 'which many servers do not know');
  const [again] = JSON.parse((await gatehouse(['policy', 'bless', dir.path, 'tickets', '--json'])).out) as [
    { leftOut: { what: string; why: string }[] },
  ];
  assert.equal(again.leftOut.length, 6);
  const { catalogue } = JSON.parse(readFileSync(file, 'utf8'))._meta['dev.gatehouse/entry'];
  assert.deepEqual(catalogue.tools, [{ name: 'get', inputSchema: { type: 'object' } }]);
  assert.deepEqual(catalogue.resources, [{ uri: 'a://1', name: 'one' }]);
  assert.deepEqual([catalogue.prompts, catalogue.resourceTemplates], [[], []]);
  assert.deepEqual([catalogue.serverInfo, catalogue.instructions, catalogue.leftOut], [undefined, undefined, again.leftOut]);
  assert.deepEqual(Object.keys(catalogue.hashes), ['tool:get', 'resource:a://1']);
  const problems = (await checkFolder(dir.path, { policy: policyTools })).problems.filter(({ file }) => file === 'servers/tickets.json');
  assert.deepEqual(
    problems.map(({ severity, message }) => `${severity} ${message}`),
    again.leftOut.map(({ what, why }) => `warning What the server tickets says is not passed on to agents: ${what}: ${why}.`),
  );
  lists['tools/list'] = undefined;
  assert.equal((await gatehouse(['policy', 'bless', dir.path, 'tickets'])).code, 0, 'also without any tool');
});
