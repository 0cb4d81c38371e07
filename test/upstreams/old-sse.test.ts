import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { CallToolRequestSchema, SubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { openStalling } from '../support/upstreams/stalling.ts';

/** The SDK's own server of protocol 2024-11-05, as such servers were written: GET /sse, POST /messages, 404 for all else. */
async function startOld(t: TestContext) {
  const transports = new Map<string, SSEServerTransport>();
  const asked: string[] = [];
  let release = () => {};
  const listener = http.createServer((request, response) => {
    const url = new URL(request.url!, 'http://x');
    asked.push(`${request.method} ${url.pathname}`);
    if (request.method === 'GET' && url.pathname === '/sse') return void connect(response);
    const transport = transports.get(url.searchParams.get('sessionId') ?? '');
    if (request.method === 'POST' && url.pathname === '/messages' && transport) return void transport.handlePostMessage(request, response);
    response.writeHead(404).end('Cannot POST /sse');
  });
  async function connect(response: http.ServerResponse) {
    const transport = new SSEServerTransport('/messages', response);
    transports.set(transport.sessionId, transport);
    const server = new Server({ name: 'old', version: '1' }, { capabilities: { tools: {}, resources: { subscribe: true } } });
    server.setRequestHandler(SubscribeRequestSchema, () => ({}));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
      const token = params._meta?.progressToken;
      if (params.name === 'progress' && token !== undefined)
        await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: token, progress: 1 } });
      if (params.name === 'ask') {
        const { action } = await server.elicitInput({ message: 'Sure?', requestedSchema: { type: 'object', properties: {} } });
        return { content: [{ type: 'text', text: action }] };
      }
      if (params.name === 'update') await server.sendResourceUpdated({ uri: 'a://1' });
      if (params.name === 'hold') await new Promise<void>((resolve) => (release = resolve));
      return { content: [{ type: 'text', text: JSON.stringify(params.arguments) }] };
    });
    await server.connect(transport);
  }
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    listener.closeAllConnections();
    listener.close();
  });
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/sse`,
    asked,
    cut: () => listener.closeAllConnections(),
    release: () => release(),
  };
}

test('an old HTTP+SSE server is used when nothing newer answers: calls, progress, questions, updates', async (t) => {
  const old = await startOld(t);
  const { upstream, updates } = open(t, entry({ url: old.url }));
  assert.equal(text(await upstream.call(tool('echo', { a: 'ü' }))), '{"a":"ü"}');
  assert.deepEqual(old.asked.slice(0, 4), ['POST /sse', 'POST /sse', 'GET /sse', 'POST /messages']);
  assert.equal(upstream.status().era, 'legacy');
  const seen: unknown[] = [];
  await upstream.call(tool('progress', {}, { onProgress: ({ progressToken: _token, ...progress }) => seen.push(progress) }));
  assert.deepEqual(seen, [{ progress: 1 }]);
  const onRequest = async () => ({ result: { action: 'accept', content: {} } });
  assert.equal(text(await upstream.call(tool('ask', {}, { peer: peer({ capabilities: { elicitation: {} } }), onRequest }))), 'accept');
  await upstream.subscribe('a://1', peer());
  await upstream.call(tool('update'));
  await until(() => updates.length === 1);
});

test('when its stream breaks, what is in flight fails, and the next call has a new one', async (t) => {
  const old = await startOld(t);
  let now = 0;
  const { upstream } = open(t, entry({ url: old.url }), {}, { now: () => now });
  await upstream.call(tool('echo'));
  const held = upstream.call(tool('hold'));
  await until(() => old.asked.filter((request) => request === 'POST /messages').length === 4);
  old.cut();
  await assert.rejects(held, { problem: 'closed', message: /stream/ });
  now += 60_000;
  assert.equal(text(await upstream.call(tool('echo', { b: 1 }))), '{"b":1}');
  assert.equal(old.asked.filter((request) => request === 'GET /sse').length, 2);
});

test('a server that would have its messages sent elsewhere, and one that has no such stream, are refused', async (t) => {
  const server = http.createServer((request, response) => {
    if (request.method !== 'GET') return void response.writeHead(405).end();
    if (request.url === '/none') return void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('event: endpoint\ndata: http://127.0.0.1:9/messages\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  for (const [path, words] of [
    ['/elsewhere', /to another place/],
    ['/none', /HTTP 405/],
  ] as const) {
    const { upstream } = open(t, entry({ url: `http://127.0.0.1:${port}${path}` }));
    await assert.rejects(upstream.call(tool('x')), { problem: 'bad-answer', message: words });
  }
});

test('after a sleep an old stream is a new one; calls on one that is dead end, on one that lives they go on', async (t) => {
  const old = await startOld(t);
  const way = await openStalling(t, old.url);
  const { upstreams, upstream } = open(t, entry({ url: way.url }), { probeMs: 300 });
  await upstream.call(tool('echo'));
  way.stall();
  upstreams.wake();
  assert.equal(text(await upstream.call(tool('echo', { a: 1 }))), '{"a":1}');
  const holding = upstream.call(tool('hold', { a: 2 }));
  await new Promise((resolve) => setTimeout(resolve, 100));
  upstreams.wake();
  await new Promise((resolve) => setTimeout(resolve, 500));
  old.release();
  assert.equal(text(await holding), '{"a":2}');
  const dead = upstream.call(tool('hold'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  way.stall();
  upstreams.wake();
  await assert.rejects(dead, { problem: 'closed', message: /slept/ });
});
