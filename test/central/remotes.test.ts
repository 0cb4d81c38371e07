import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { checkFolder } from '../../src/central/content/check.ts';
import type { Checked } from '../../src/central/content/document.ts';
import { checkDocument } from '../../src/central/content/document.ts';
import { compileEntry } from '../../src/central/content/entry.ts';
import { publicServerJson } from '../../src/central/content/public-server.ts';
import { type ServerJson, serverJson as schema } from '../../src/central/content/server-json.ts';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { policyTools } from '../../src/cli/policy-tools.ts';
import { json, legacy, startRaw } from '../support/upstreams/raw.ts';
import { serverJson, temporaryDir, writeCompany } from './company-folder.ts';

const url = 'https://a.example/mcp';

function compile(remotes: object[], variables: Record<string, string> = {}, entry: object = {}) {
  const server = { ...serverJson('wiki'), remotes };
  Object.assign(server._meta['dev.gatehouse/entry'], entry);
  const source = checkDocument({ file: 'servers/wiki.json', text: JSON.stringify(server, null, 2) }, schema) as Checked<ServerJson>;
  if (!source.value) return { entry: undefined, told: source.problems.map(({ message }) => message), source };
  const { entry: made, problems } = compileEntry(source, variables);
  return { entry: made, told: problems.map(({ severity, message }) => `${severity}: ${message}`), source };
}
const withHeaders = (headers: object[], variables: Record<string, string> = {}) =>
  compile([{ type: 'streamable-http', url, headers }], variables);

test('headers of a remote: fixed values, defaults, variables of their own, of the remote and of the company', () => {
  const { entry, told } = compile(
    [
      {
        type: 'streamable-http',
        url: 'https://{host}/mcp',
        variables: { host: { default: 'a.example' }, tier: { value: 'gold' } },
        headers: [
          { name: 'X-MCP-Readonly', value: 'true' },
          { name: 'X-Toolsets', default: 'issues', choices: ['issues', 'all'] },
          { name: 'Authorization', value: 'Bearer {token}', isRequired: true },
          { name: 'X-Place', value: '{tier}/{host}/{room}', variables: { room: { default: 'r1' } } },
          { name: 'X-Optional', description: 'Nobody gave it a value.' },
        ],
      },
    ],
    { token: 's3cret', host: 'b.example', tier: 'lead' },
  );
  assert.deepEqual(told, []);
  assert.equal(entry?.url, 'https://b.example/mcp');
  assert.deepEqual(entry?.headers, {
    'X-MCP-Readonly': 'true',
    'X-Toolsets': 'issues',
    Authorization: 'Bearer s3cret',
    'X-Place': 'gold/b.example/r1',
  });
});

for (const [title, headers, words] of [
  ['a required one without a value', [{ name: 'X-Read-Only', isRequired: true }], /header X-Read-Only is required and has no value/],
  ['a required one that comes to nothing', [{ name: 'X-A', isRequired: true, value: ' ' }], /X-A is required and its value is empty/],
  ['a variable without a value', [{ name: 'X-A', value: 'Bearer {nobody}' }], /variable \{nobody\} has no value/],
  [
    'two of one name',
    [
      { name: 'X-A', value: '1' },
      { name: 'x-a', value: '2' },
    ],
    /header x-a stands twice/,
  ],
  ['a value that is no choice', [{ name: 'X-A', value: 'b', choices: ['a'] }], /none of its choices/],
  ['a value of two lines', [{ name: 'X-A', value: 'a\r\nX-B: b' }], /HTTP cannot carry/],
  ['a value that HTTP cannot carry', [{ name: 'X-A', value: '名前' }], /HTTP cannot carry/],
  ['no name', [{ name: 'X A', value: 'a' }], /"X A" is no name/],
  ['a key of every object', [{ name: '__proto__', value: 'a' }], /is no name/],
  ...['Host', 'content-type', 'Content-Length', 'Mcp-Session-Id', 'mcp-param-x', 'Transfer-Encoding', 'Last-Event-ID'].map(
    (name) => [`the gateway's own ${name}`, [{ name, value: 'x' }], /is the gateway's own/] as const,
  ),
] as const)
  test(`a header that cannot be sent as it stands is an error: ${title}`, () => {
    const { told } = withHeaders([...headers]);
    assert.ok(
      told.some((message) => message.startsWith('error: ') && words.test(message)),
      told.join('\n'),
    );
  });

test('`policy check` says so where the header stands, and a header needs a name', async (t) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  const { write } = writeCompany(dir.path);
  write('servers/wiki.json', {
    ...serverJson('wiki'),
    remotes: [{ type: 'streamable-http', url, headers: [{ name: 'X-Read-Only', isRequired: true }] }],
  });
  const { problems } = await checkFolder(dir.path, { policy: policyTools });
  const [error] = problems.filter(({ severity }) => severity === 'error');
  assert.deepEqual([error?.file, error?.line], ['servers/wiki.json', 11]);
  assert.match(error!.fix, /"value"/);
  assert.match(withHeaders([{ value: 'x' }]).told.join(), /headers.0.name/);
});

test('of several remotes the best transport is used, wherever it stands; sse where there is no other', () => {
  const sse = { type: 'sse', url: 'https://a.example/sse', headers: [{ name: 'X-A', value: 'a' }] };
  const http = { type: 'streamable-http', url };
  const reach = (remotes: object[]) => {
    const { entry, told } = compile(remotes);
    return [entry?.transport, entry?.url, entry?.headers, told.map((message) => message.slice(0, 60))];
  };
  assert.deepEqual(reach([sse]), ['sse', 'https://a.example/sse', { 'X-A': 'a' }, []]);
  const other = (at: number) => [`warning: A server is reached at one address: remotes.${at} has no effec`.slice(0, 60)];
  assert.deepEqual(reach([sse, http]), ['streamable-http', url, {}, other(0)]);
  assert.deepEqual(reach([http, sse]), ['streamable-http', url, {}, other(1)]);
  const odd = [{ type: 'carrier-pigeon', url }, sse];
  assert.deepEqual(reach(odd).slice(0, 2), ['sse', 'https://a.example/sse']);
  assert.match(compile(odd).told.join(), /does not speak "carrier-pigeon"/);
  assert.match(compile([sse], {}, { era: 'modern' }).told.join(), /error: The modern era has no "sse"/);
});

test('the registry shows the remote that is used, and no secret of its headers', () => {
  const { entry, source } = compile(
    [
      { type: 'sse', url: 'https://old.example/sse' },
      { type: 'streamable-http', url, headers: [{ name: 'X-Key', value: 'secret://hush', isSecret: true }] },
    ],
    {},
  );
  const shown = JSON.stringify(publicServerJson(source.raw as Record<string, unknown>, entry!)['remotes']);
  assert.ok(shown.includes('X-Key') && shown.includes(url) && !shown.includes('hush') && !shown.includes('old.example'), shown);
});

const tools = [{ name: 'look', inputSchema: { type: 'object' } }];

test('blessing sends the headers, and reads a server over sse', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response, request) => {
      if (message?.method !== 'tools/list') return false;
      json(response, { jsonrpc: '2.0', id: message.id, result: { tools: request.headers['x-mcp-readonly'] === 'true' ? tools : [] } });
    }),
  );
  const headers = { 'X-MCP-Readonly': 'true' };
  const read = await fetchCatalogue({ id: 'one', url: raw.url, era: 'legacy', transport: 'streamable-http', headers });
  assert.deepEqual(read.tools, tools);

  let stream: http.ServerResponse | undefined;
  const server = http.createServer((request, response) => {
    if (request.headers['x-mcp-readonly'] !== 'true') return void response.writeHead(500).end();
    if (request.method === 'GET') {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' });
      stream.write('event: endpoint\ndata: /messages\n\n');
      return;
    }
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      response.writeHead(202).end();
      const { id, method } = JSON.parse(body);
      const about = { protocolVersion: '2024-11-05', capabilities: { tools: {} }, serverInfo: { name: 'old', version: '1' } };
      if (id !== undefined)
        stream!.write(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: method === 'initialize' ? about : { tools } })}\n\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const old = `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse`;
  assert.deepEqual((await fetchCatalogue({ id: 'old', url: old, era: 'auto', transport: 'sse', headers })).tools, tools);
});
