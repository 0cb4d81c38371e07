import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { type Era, type Json, openMatrixServer } from '../support/matrix-server.ts';
import { openRpcServer } from '../support/rpc-server.ts';

/** MCP Apps, capabilities of extensions, trace context: what the gateway must carry without speaking it. */

const ui = 'io.modelcontextprotocol/ui';
const prefix = 'io.modelcontextprotocol/';
const page = 'ui://view/index.html';
const apps = { extensions: { [ui]: { mimeTypes: ['text/html;profile=mcp-app'] } } };
const meta = { [`${prefix}clientCapabilities`]: apps };
const inputSchema = { type: 'object' };
const resource = { uri: page, name: 'view', mimeType: 'text/html;profile=mcp-app' };

const serve = (id: string) =>
  openRpcServer({
    'tools/call': ({ params }) => ({ content: [{ type: 'text', text: JSON.stringify(params) }] }),
    'resources/read': ({ params }) => ({
      contents: [{ uri: params['uri'], mimeType: resource.mimeType, text: id, _meta: { ui: { csp: { connectDomains: [] } } } }],
    }),
  });
let servers: Awaited<ReturnType<typeof serve>>[];
let house: Awaited<ReturnType<typeof openTestGateway>>;

before(async () => {
  servers = await Promise.all(['a', 'b', 'c', 'd'].map(serve));
  const [a, b, c, d] = servers.map(({ url }) => url) as [string, string, string, string];
  const shown = { name: 'show', inputSchema, _meta: { ui: { resourceUri: page, visibility: ['model', 'app'] }, 'com.example/x': 1 } };
  house = await openTestGateway(
    makeBundle({
      servers: [
        entry({
          id: 'a',
          url: a,
          catalogue: {
            tools: [shown],
            resources: [resource],
            capabilities: { tools: {}, resources: {}, extensions: { [ui]: { one: 1 } } },
          },
        }),
        entry({
          id: 'b',
          url: b,
          catalogue: {
            tools: [
              { ...shown, _meta: { ui: { resourceUri: page }, 'ui/resourceUri': page } },
              { name: 'refresh', inputSchema, _meta: { ui: { resourceUri: page, visibility: ['app'] } } },
            ],
            resources: [resource],
            capabilities: { extensions: { [ui]: { one: 2, two: 2 }, 'com.example/other': {}, 'io.modelcontextprotocol/skills': {} } },
          },
        }),
        // Pages need not be listed as resources.
        entry({ id: 'c', url: c, tools: [{ name: 'show', inputSchema, _meta: { 'ui/resourceUri': page } }] }),
        entry({ id: 'd', url: d, tools: [{ name: 'show', inputSchema, _meta: { ui: { resourceUri: 'ui://only-here' } } }] }),
      ],
    }),
  );
});
after(async () => {
  await house.close();
  for (const server of servers) await server.close();
});

const ask = async (method: string, params: Json = {}, more: Json = meta, url = house.url): Promise<Json> => {
  const answer = await modernRequest(url, house.token, method, params, { meta: more });
  return answer.headers['content-type']?.includes('event-stream') ? answer.events().at(-1)! : answer.json();
};
const at = (scope: string) => `${new URL(house.url).origin}/mcp/s/${scope}`;

test('the page of a tool is readable under the URI that the tool names, though several upstreams use the same', async () => {
  const { tools } = (await ask('tools/list'))['result'];
  const owners: string[] = [];
  for (const tool of tools) {
    const uris = [tool._meta.ui?.resourceUri, tool._meta['ui/resourceUri']].filter((uri) => uri !== undefined);
    assert.equal(new Set(uris).size, 1);
    const { contents } = (await ask('resources/read', { uri: uris[0] }))['result'];
    assert.equal(contents[0].uri, uris[0]);
    assert.deepEqual(contents[0]._meta, { ui: { csp: { connectDomains: [] } } });
    owners.push(`${tool.name} ${contents[0].text}`);
  }
  assert.deepEqual(owners, ['a__show a', 'b__show b', 'b__refresh b', 'c__show c', 'd__show d']);
  assert.equal(tools[0]._meta['com.example/x'], 1);
  assert.deepEqual(
    (await ask('resources/list'))['result'].resources.map(({ uri }: Json) => uri),
    [page, `b+${page}`],
  );
});

test('at the address of one server its URIs are its own', async () => {
  const { tools } = (await ask('tools/list', {}, meta, at('b')))['result'];
  assert.deepEqual(
    tools.map((tool: Json) => tool['_meta'].ui.resourceUri),
    [page, page],
  );
  assert.equal((await ask('resources/read', { uri: page }, meta, at('b')))['result'].contents[0].text, 'b');
});

test('an app-only tool is listed to who shows pages and to nobody else, and callable', async () => {
  const names = ({ result }: Json) => result.tools.map(({ name }: Json) => name);
  assert.ok(names(await ask('tools/list')).includes('b__refresh'));
  assert.ok(!names(await ask('tools/list', {}, {})).includes('b__refresh'));
  const plain = await legacySession(house.url, house.token);
  assert.ok(!names((await plain.send('tools/list')).json()).includes('b__refresh'));
  const showing = await legacySession(house.url, house.token, apps);
  assert.ok(names((await showing.send('tools/list')).json()).includes('b__refresh'));
  assert.match(JSON.stringify(await ask('tools/call', { name: 'b__refresh' })), /refresh/);
});

test('what extensions the servers were blessed with is stated in both eras; what is not served is not', async () => {
  const merged = { [ui]: { one: 1, two: 2 }, 'com.example/other': {} };
  assert.deepEqual((await ask('server/discover'))['result'].capabilities.extensions, merged);
  const { opened } = await legacySession(house.url, house.token);
  assert.deepEqual((opened.json()['result'] as Json)['capabilities'].extensions, merged);
  assert.deepEqual((await ask('server/discover', {}, meta, at('a')))['result'].capabilities.extensions, { [ui]: { one: 1 } });
  assert.equal((await ask('server/discover', {}, meta, at('d')))['result'].capabilities.extensions, undefined);
  assert.equal((await ask('skills/list'))['error'].code, -32601);
});

const program = fileURLToPath(new URL('../support/matrix-server.ts', import.meta.url));
const over = {
  HTTP: openMatrixServer,
  stdio: async (era: Era) => ({ launch: { command: 'node', args: [program, era] }, close: async () => {} }),
};

for (const wire of ['HTTP', 'stdio'] as const)
  for (const agent of ['legacy', 'modern'] as const)
    for (const era of ['legacy', 'modern'] as const)
      test(`a ${agent} agent's extensions and trace context reach a ${era} upstream over ${wire}, its baggage does not`, async () => {
        const { close, ...server } = await over[wire](era);
        const near = await openTestGateway(
          makeBundle({ servers: [entry({ id: 'm', ...server, tools: [{ name: 'echo', inputSchema }] })] }),
        );
        const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' };
        const sent = { ...trace, baggage: 'person=pat', 'com.example/y': { z: null } };
        const extensions = { 'com.example/unknown': { deep: [1] }, [ui]: apps.extensions[ui] };
        const declared = { extensions, experimental: { 'com.example/tried': { deep: [2] } } };
        const params = { name: 'm__echo', arguments: {} };
        try {
          const answer =
            agent === 'modern'
              ? await modernRequest(near.url, near.token, 'tools/call', params, {
                  meta: { ...sent, [`${prefix}clientCapabilities`]: declared },
                })
              : await (await legacySession(near.url, near.token, declared)).send('tools/call', { ...params, _meta: sent });
          const result = (answer.headers['content-type']?.includes('event-stream') ? answer.events().at(-1) : answer.json())![
            'result'
          ] as Json;
          const got = JSON.parse(result['content'][0].text);
          const { progressToken, ...meta } = got.params._meta;
          const vendor = Object.fromEntries(Object.entries(meta).filter(([key]) => !key.startsWith(prefix)));
          // Of this hop alone: it is how a deadline hears that work goes on.
          assert.equal(typeof progressToken, 'number');
          assert.deepEqual(vendor, { ...trace, 'com.example/y': { z: null } });
          // One process serves all agents in one handshake, which can say only what holds for each of them.
          const shared = wire === 'stdio' && era === 'legacy';
          assert.deepEqual(got.client.extensions, shared ? { [ui]: apps.extensions[ui] } : extensions);
          assert.deepEqual(got.client.experimental, shared ? undefined : declared.experimental);
        } finally {
          await near.close();
          await close();
        }
      });

test('what an agent states beyond 64 KiB is not declared for it, what it can be asked is', async () => {
  const server = await openMatrixServer('legacy');
  const near = await openTestGateway(
    makeBundle({ servers: [entry({ id: 'm', url: server.url, tools: [{ name: 'echo', inputSchema }] })] }),
  );
  try {
    const declared = { sampling: {}, experimental: { huge: 'x'.repeat(70_000) }, extensions: { 'com.example/x': {} } };
    const meta = { [`${prefix}clientCapabilities`]: declared };
    const answer = await modernRequest(near.url, near.token, 'tools/call', { name: 'm__echo', arguments: {} }, { meta });
    const result = (answer.headers['content-type']?.includes('event-stream') ? answer.events().at(-1) : answer.json())!['result'] as Json;
    assert.deepEqual(JSON.parse(result['content'][0].text).client, { sampling: {} });
  } finally {
    await near.close();
    await server.close();
  }
});

test('experimental capabilities that servers were blessed with are stated to agents, bounded', async () => {
  const server = (id: string, experimental: object) =>
    entry({ id, url: servers[0]!.url, catalogue: { capabilities: { tools: {}, experimental } } });
  const near = await openTestGateway(
    makeBundle({
      servers: [
        server('a', { 'x/one': { a: 1 } }),
        server('b', { 'x/one': { a: 2, b: 2 }, 'x/two': {} }),
        server('c', { huge: 'x'.repeat(20_000) }),
      ],
    }),
  );
  try {
    const stated = async (url: string) =>
      ((await legacySession(url, near.token)).opened.json()['result'] as Json)['capabilities'].experimental;
    assert.deepEqual(await stated(near.url), { 'x/one': { a: 1, b: 2 }, 'x/two': {} });
    assert.deepEqual(await stated(`${near.url}/s/b`), { 'x/one': { a: 2, b: 2 }, 'x/two': {} });
    assert.equal(await stated(`${near.url}/s/c`), undefined);
  } finally {
    await near.close();
  }
});
