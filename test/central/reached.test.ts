// Blessing reaches a server as the gateway does. Each way was once open to one of the two alone.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { ListToolsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Failure } from '../../src/base/errors.ts';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { gatehouse } from '../cli/command.ts';
import { json, legacy, startRaw } from '../support/upstreams/raw.ts';
import { serverJson, temporaryDir, writeCompany } from './company-folder.ts';

const era = 'auto';
const tools = [{ name: 'get', inputSchema: { type: 'object' } }];
const lists = legacy((message, response) =>
  message?.method === 'tools/list' ? json(response, { jsonrpc: '2.0', id: message.id, result: { tools } }) : false,
);
const names = async (server: Parameters<typeof fetchCatalogue>[0]) => (await fetchCatalogue(server)).tools.map(({ name }) => name);

/** A local server in a file of its own; `body` runs before it answers. */
function program(t: TestContext, body: string, name = 'server.mjs', head = ''): string {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  const file = join(dir.path, name);
  writeFileSync(
    file,
    `${head}import { createInterface } from 'node:readline';
${body}
const about = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } };
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  const known = { initialize: about, 'tools/list': { tools: ${JSON.stringify(tools)} } }[method];
  console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(known ? { result: known } : { error: { code: -32601, message: 'no' } }) }));
});
`,
  );
  chmodSync(file, 0o755);
  return file;
}
const launched = (file: string, env: Record<string, string> = {}) => ({ command: 'node', args: [file], env });

test('over HTTP: a redirect within the origin, a packed answer, a byte order mark, silence to server/discover', async (t) => {
  const raw = await startRaw(t, (message, response, request, self) => {
    if (request.url === '/mcp') return void response.writeHead(307, { location: '/mcp/' }).end();
    if (message?.method === 'server/discover') return;
    if (message?.method !== 'tools/list') return lists(message, response, request, self);
    const body = `\ufeff${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: { tools } })}`;
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(gzipSync(body));
  });
  assert.deepEqual(await names({ id: 'far', era, url: raw.url }), ['get']);
});

test('a server of protocol 2024-11-05, over HTTP with SSE', async (t) => {
  let transport: SSEServerTransport | undefined;
  const listener = http.createServer((request, response) => {
    if (request.method === 'GET') {
      transport = new SSEServerTransport('/messages', response);
      const server = new Server({ name: 'old', version: '1' }, { capabilities: { tools: {} } });
      server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }) as never);
      return void server.connect(transport);
    }
    if (request.url!.startsWith('/messages')) return void transport!.handlePostMessage(request, response);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    listener.closeAllConnections();
    listener.close();
  });
  assert.deepEqual(await names({ id: 'old', era, url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/sse` }), ['get']);
});

test('through the proxy of the environment', async (t) => {
  const raw = await startRaw(t, lists);
  const asked: string[] = [];
  // In the form of HTTP for proxies: the whole address in the first line.
  const proxy = http.createServer((request, response) => {
    asked.push(new URL(request.url!).host);
    const onward = http.request(raw.url, { method: request.method!, headers: request.headers }, (answer) =>
      answer.pipe(response.writeHead(answer.statusCode!, answer.headers)),
    );
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const before = process.env['http_proxy'];
  process.env['http_proxy'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  t.after(() => {
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
    proxy.close();
    proxy.closeAllConnections();
  });
  assert.deepEqual(await names({ id: 'far', era, url: 'http://tickets.internal.example/mcp' }), ['get']);
  assert.ok(asked.length > 0 && asked.every((host) => host === 'tickets.internal.example'));
});

test('a local server that is downloaded first may take longer than any call', { skip: process.platform === 'win32' }, async (t) => {
  const slow = 'await new Promise((resolve) => setTimeout(resolve, 26_000));';
  // Known by its name as a program that downloads.
  const file = program(t, slow, 'npx', `#!${process.execPath}\n`);
  writeFileSync(join(file, '../package.json'), '{"type":"module"}');
  assert.deepEqual(await names({ id: 'slow', era, launch: { command: file, args: [], env: {} } }), ['get']);
});

test('a local server gets the environment that it will have, and nothing of ours beside it', async (t) => {
  const seen = join(temporaryDirOf(t), 'seen.json');
  process.env['SECRET_OF_OURS'] = 'hush';
  process.env['LC_TEST'] = 'kept';
  t.after(() => {
    delete process.env['SECRET_OF_OURS'];
    delete process.env['LC_TEST'];
  });
  const file = program(t, `import { writeFileSync } from 'node:fs'; writeFileSync(${JSON.stringify(seen)}, JSON.stringify(process.env));`);
  assert.deepEqual(await names({ id: 'env', era, launch: launched(file, { OWN: 'given' }) }), ['get']);
  const environment = JSON.parse(readFileSync(seen, 'utf8'));
  assert.deepEqual([environment.OWN, environment.LC_TEST, environment.SECRET_OF_OURS], ['given', 'kept', undefined]);
});

const temporaryDirOf = (t: TestContext) => {
  const dir = temporaryDir();
  t.after(() => dir.remove());
  return dir.path;
};

test('a local server that falls over server/discover is blessed all the same', async (t) => {
  const body = `const { exit } = process;
process.stdin.on('data', (chunk) => String(chunk).includes('server/discover') && exit(3));`;
  assert.deepEqual(await names({ id: 'fragile', era, launch: launched(program(t, body)) }), ['get']);
});

test('why a local server does not start is said in its own last lines, without its secrets, with what to do', async (t) => {
  const failure = async (server: Parameters<typeof fetchCatalogue>[0]) => {
    const error = (await fetchCatalogue(server).then(
      () => assert.fail('it was read'),
      (reason: unknown) => reason,
    )) as Failure;
    return `${error.message}\n${error.fix}`;
  };
  const token = await failure({
    id: 'token',
    era,
    launch: launched(program(t, `console.error('API_TOKEN is not set; got ' + process.env.OTHER); process.exit(1);`), {
      OTHER: 'a-long-secret',
    }),
  });
  assert.match(token, /The server token could not be read: it did not start: .*exit code 1/);
  assert.match(token, /\nIt wrote:\n {2}API_TOKEN is not set; got \[secret\]/);
  assert.doesNotMatch(token, /a-long-secret/);
  assert.match(token, /Try the command by hand: node .*server\.mjs/);
  const missing = await failure({ id: 'missing', era, launch: launched('/nonexistent/server.js') });
  assert.match(missing, /Cannot find module '\/nonexistent\/server\.js'/);
  const unknown = await failure({ id: 'unknown', era, launch: { command: 'uvx-that-is-not-there', args: ['x'], env: {} } });
  assert.match(unknown, /the program "uvx-that-is-not-there" was not found/);
  assert.match(unknown, /by hand: uvx-that-is-not-there x/);
});

test('the command line prints those lines', async (t) => {
  const dir = temporaryDirOf(t);
  const { write } = writeCompany(dir);
  const server = serverJson('wiki');
  delete server['remotes'];
  server._meta['dev.gatehouse/entry']['launch'] = launched(program(t, `console.error('no database \u001b[31mhere'); process.exit(1);`));
  write('servers/wiki.json', server);
  const { code, err } = await gatehouse(['policy', 'bless', dir, 'wiki']);
  assert.equal(code, 7);
  assert.match(err, /It wrote:\n {2}no database here\n/);
  assert.ok(!err.includes('\u001b'));
});
