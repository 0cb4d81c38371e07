import assert from 'node:assert/strict';
import { test } from 'node:test';
import { merged, ofServer } from '../../src/gateway/catalogue/address.ts';
import { openDirectory } from '../../src/gateway/catalogue/directory.ts';
import { maxName } from '../../src/gateway/catalogue/names.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

type Named = { name: string; [key: string]: unknown };
const inputSchema = { type: 'object' };
const tool = (name: string, more: object = {}): Named => ({ name, inputSchema, ...more });
const url = 'http://127.0.0.1:9/mcp';
const listed = (...servers: ReturnType<typeof entry>[]) => [...openDirectory(makeBundle({ servers }), merged).tools.values()];

test('the same name at two upstreams: each under its own', () => {
  const all = listed(entry({ id: 'a', url, tools: [tool('get')] }), entry({ id: 'b', url, tools: [tool('get')] }));
  assert.deepEqual(
    all.map(({ exposed, owner, name }) => [exposed, owner.id, name]),
    [
      ['a__get', 'a', 'get'],
      ['b__get', 'b', 'get'],
    ],
  );
});

test('over-long and odd names are told apart, fit, and are the same in every run', () => {
  const long = 'x'.repeat(128);
  const names = [
    long,
    `${long}y`,
    `${long}z`,
    'with space',
    'with.dot',
    'with/slash',
    'wïth',
    'with_space',
    '名前',
    '🙂',
    '__proto__',
    'constructor',
  ];
  const open = () => listed(entry({ id: 'a', url, tools: names.map((name) => tool(name)) }));
  const all = open();
  assert.equal(new Set(all.map(({ exposed }) => exposed)).size, names.length);
  for (const { exposed } of all) assert.match(exposed, new RegExp(`^[a-zA-Z0-9_-]{1,${maxName}}$`));
  assert.deepEqual(
    all.map(({ name }) => name),
    names,
  );
  assert.deepEqual(
    open().map(({ exposed }) => exposed),
    all.map(({ exposed }) => exposed),
  );
});

test('a name that looks like another one shortened does not take its place', () => {
  const long = 'y'.repeat(60);
  const [first] = listed(entry({ id: 'a', url, tools: [tool(long)] }));
  const double = first!.exposed.slice('a__'.length);
  const all = listed(entry({ id: 'a', url, tools: [tool(double), tool(long)] }));
  assert.deepEqual(
    all.map(({ name }) => name),
    [double, long],
  );
  assert.equal(new Set(all.map(({ exposed }) => exposed)).size, 2);
});

test('a tool that an upstream lists twice is one tool, the first, at either address', () => {
  const servers = [entry({ id: 'a', url, tools: [tool('t', { title: 'first' }), tool('t', { title: 'second' }), tool('u')] })];
  for (const address of [merged, ofServer('a')]) {
    const all = [...openDirectory(makeBundle({ servers }), address).tools.values()];
    assert.deepEqual(
      all.map(({ name, json }) => [name, JSON.parse(json).title]),
      [
        ['t', 'first'],
        ['u', undefined],
      ],
    );
  }
});

test('tools with rubbish in them hide nobody', () => {
  let deep: object = {};
  for (let level = 0; level < 500; level++) deep = { properties: { a: deep } };
  const bad = [
    { name: 'no-schema' },
    tool('null-schema', { inputSchema: null }),
    tool('text-schema', { inputSchema: 'object' }),
    tool('deep-schema', { inputSchema: deep }),
    tool('list-meta', { _meta: [1], annotations: 'yes' }),
    tool('bad-header', { inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'a b' } } } }),
    tool('bad-page', { _meta: { ui: { resourceUri: 7, visibility: 'app' }, 'ui/resourceUri': null } }),
  ];
  const names = listed(entry({ id: 'a', url, tools: [tool('first'), ...bad, tool('last')] })).map(({ name }) => name);
  assert.equal(names[0], 'first');
  assert.equal(names.at(-1), 'last');
  assert.ok(!names.includes('bad-header'));
});

test('2,000 tools: one page, registry order, the same bytes each time, private, in both eras', async () => {
  const server = await openRpcServer({ 'tools/call': ({ params }) => ({ content: [{ type: 'text', text: params['name'] }] }) });
  const servers = Array.from({ length: 20 }, (_, index) =>
    entry({ id: `s${index}`, url: server.url, tools: Array.from({ length: 100 }, (_, at) => tool(`tool-${99 - at}`)) }),
  );
  const house = await openTestGateway(makeBundle({ servers }));
  try {
    const session = await legacySession(house.url, house.token);
    const first = await session.send('tools/list');
    const { tools } = first.json()['result'] as { tools: Named[] };
    assert.equal(tools.length, 2000);
    assert.deepEqual(
      tools.map(({ name }) => name),
      servers.flatMap(({ id, catalogue }) => catalogue.tools.map(({ name }) => `${id}__${name}`)),
    );
    assert.equal((await session.send('tools/list')).text.replace(/"id":\d+/, ''), first.text.replace(/"id":\d+/, ''));
    const modern = (await modernRequest(house.url, house.token, 'tools/list')).json()['result'] as Record<string, unknown>;
    assert.deepEqual(modern['tools'], tools);
    assert.equal(modern['cacheScope'], 'private');
    assert.ok((modern['ttlMs'] as number) > 0);
    const called = await modernRequest(house.url, house.token, 'tools/call', { name: 's19__tool-0' });
    assert.match(called.text, /tool-0/);
  } finally {
    await house.close();
    await server.close();
  }
});

test('every list of the modern era is private and says how long it is good', async () => {
  const catalogue = {
    prompts: [{ name: 'p' }],
    resources: [{ uri: 'x://1', name: 'x' }],
    resourceTemplates: [{ uriTemplate: 'x://{id}' }],
    skills: [{ uri: 'skill://s/SKILL.md', frontmatter: { name: 's', description: 's' }, resources: 'dynamic' as const }],
  };
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'a', url, catalogue })] }));
  try {
    for (const method of ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'skills/list']) {
      const { result } = (await modernRequest(house.url, house.token, method)).json() as { result: Record<string, unknown> };
      assert.equal(result['cacheScope'], 'private', method);
      assert.ok(Number.isInteger(result['ttlMs']), method);
      assert.equal(result['resultType'], 'complete', method);
    }
  } finally {
    await house.close();
  }
});
