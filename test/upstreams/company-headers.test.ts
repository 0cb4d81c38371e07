import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, json, legacy, type Message, result, sse, startRaw } from '../support/upstreams/raw.ts';

const headers = { 'X-MCP-Readonly': 'true', Authorization: 'Bearer of-the-company' };

test("the company's headers go with each request of a legacy session: handshake, calls, streams, the goodbye", async (t) => {
  const raw = await startRaw(
    t,
    legacy(
      (message, response, request) => {
        if (request.headers['last-event-id'] === 'e1') return void sse(response).end(event(result(3, 'resumed')));
        if (message?.method !== 'tools/call') return false;
        if (message.params.name === 'resumed') return void sse(response).end('retry: 1\nid: e1\ndata:\n\n');
        json(response, result(message.id, 'well'));
      },
      { stream: true },
    ),
  );
  const { upstream } = open(t, entry({ url: raw.url, headers }));
  await upstream.call(tool('x'));
  void upstream.call(tool('resumed')).catch(() => {});
  await until(() => raw.got.some((request) => request.headers['last-event-id'] === 'e1'));
  await upstream.subscribe('a://1', peer());
  await upstream.close();
  await until(() => raw.names().includes('DELETE'));
  const expected = ['server/discover', 'initialize', 'notifications/initialized', 'GET', 'tools/call', 'resources/subscribe', 'DELETE'];
  for (const name of expected) assert.ok(raw.names().includes(name), `${name} of ${raw.names()}`);
  for (const { headers: got, message, method } of raw.got)
    assert.deepEqual(
      [got['x-mcp-readonly'], got['authorization']],
      ['true', 'Bearer of-the-company'],
      `${method} ${message?.method ?? ''}`,
    );
});

test('and with each request of the modern era', async (t) => {
  const raw = await startRaw(t, (message: Message, response) => {
    if (message.method === 'server/discover')
      return json(response, { jsonrpc: '2.0', id: message.id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } });
    if (message.method === 'tools/call') return json(response, result(message.id, 'well'));
    const params = { notifications: { resourceSubscriptions: ['a://1'] } };
    sse(response).write(event({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }));
  });
  const { upstream } = open(t, entry({ url: raw.url, headers }));
  await upstream.call(tool('x'));
  await upstream.subscribe('a://1', peer());
  assert.deepEqual(raw.names(), ['server/discover', 'tools/call', 'subscriptions/listen']);
  for (const { headers: got } of raw.got) assert.equal(got['x-mcp-readonly'], 'true');
});

test('a change of the headers is a new connection: no session goes on that began with the old ones', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response, request) => {
      if (message?.method !== 'tools/call') return false;
      json(response, result(message.id, `${request.headers['mcp-session-id']} ${request.headers['x-mcp-readonly']}`));
    }),
  );
  const plain = entry({ url: raw.url });
  const { upstreams } = open(t, plain);
  assert.equal(text(await upstreams.get('one')!.call(tool('x'))), 's1 undefined');
  await upstreams.replace([entry({ url: raw.url, headers })]);
  assert.equal(text(await upstreams.get('one')!.call(tool('x'))), 's2 true');
});

test('a server that is stated as sse is asked as one at once, with the headers, and its trouble is told', async (t) => {
  const asked: string[] = [];
  let stream: http.ServerResponse | undefined;
  const server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['x-mcp-readonly']}`);
    if (request.url === '/none') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    if (request.url === '/closed') return void response.writeHead(401).end();
    if (request.url === '/broken') return void response.writeHead(502).end();
    if (request.method === 'GET') {
      stream = sse(response);
      stream.write('event: endpoint\ndata: /messages\n\n');
      return;
    }
    // It takes any POST at its address and never answers it: to try a newer transport first would wait for nothing.
    if (request.url !== '/messages') return;
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      response.writeHead(202).end();
      const { id, method } = JSON.parse(body);
      const handshake = { jsonrpc: '2.0', id, result: { protocolVersion: '2024-11-05', capabilities: {} } };
      if (id !== undefined) stream!.write(event(method === 'initialize' ? handshake : result(id, 'well')));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const at = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  const { upstream } = open(t, entry({ url: at('/sse'), transport: 'sse', headers }));
  assert.equal(text(await upstream.call(tool('x'))), 'well');
  assert.deepEqual(asked, ['GET /sse true', 'POST /messages true', 'POST /messages true', 'POST /messages true']);
  assert.equal(upstream.status().era, 'legacy');
  for (const [path, problem] of [
    ['/none', 'bad-answer'],
    ['/closed', 'unauthorized'],
    ['/broken', 'unreachable'],
  ] as const)
    await assert.rejects(open(t, entry({ url: at(path), transport: 'sse' })).upstream.call(tool('x')), { problem });
});
