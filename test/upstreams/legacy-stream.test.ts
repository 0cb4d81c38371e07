import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, json, legacy, result, sse, startRaw } from '../support/upstreams/raw.ts';

test('a stream that breaks after an event id is resumed where it broke, as often as the server likes', async (t) => {
  let resumed = 0;
  let id: unknown;
  const raw = await startRaw(
    t,
    legacy((message, response, request) => {
      if (request.method === 'GET' && request.headers['last-event-id'] !== undefined) {
        resumed++;
        assert.equal(request.headers['last-event-id'], `e${resumed}`);
        assert.equal(request.headers['mcp-session-id'], 's1');
        sse(response);
        if (resumed === 1) {
          response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: id, progress: 2 } }, 'e2'));
          // Cut off in the middle of a message, which then comes again whole.
          return setTimeout(() => response.destroy(), 5);
        }
        return response.end(event(result(id, 'at last'), 'e3'));
      }
      if (message?.method !== 'tools/call') return false;
      id = message.id;
      // The priming event of revision 2025-11-25: an id and no data.
      sse(response).write('retry: 10\nid: e1\ndata: \n\n');
      response.end();
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
  const seen: unknown[] = [];
  assert.equal(text(await upstream.call(tool('x', {}, { onProgress: ({ progress }) => seen.push(progress) }))), 'at last');
  assert.deepEqual([resumed, seen], [2, [2]]);
});

test('a stream that breaks and cannot be resumed fails the call', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      sse(response).end('retry: 1\nid: e1\ndata: \n\n');
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
  await assert.rejects(upstream.call(tool('x')), { problem: 'closed', message: /could not be resumed/ });
});

test('the standing stream brings updates and is opened again when it ends; subscriptions are counted and renewed', async (t) => {
  let forgotten = false;
  const raw = await startRaw(
    t,
    legacy(
      (message, response, request) => {
        if (forgotten && message?.method === 'tools/call' && request.headers['mcp-session-id'] === 's1')
          return response.writeHead(404).end();
        return message?.method === 'tools/call' ? json(response, result(message.id, 'well')) : false;
      },
      { stream: true },
    ),
  );
  const { upstream, updates } = open(t, entry({ url: raw.url, era: 'legacy' }), { backoffFirstMs: 10 });
  const [first, second] = await Promise.all([upstream.subscribe('a://1', peer()), upstream.subscribe('a://1', peer({ id: 'other' }))]);
  const asked = () =>
    raw.got.filter(({ message }) => /subscribe/.test(message?.method)).map(({ message }) => `${message.method} ${message.params.uri}`);
  assert.deepEqual(asked(), ['resources/subscribe a://1']);
  const tell = async (uri: string) => {
    const stream = await until(() => [...raw.streams][0]);
    stream.write(event({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri, extra: 1 } }));
    return stream;
  };
  const stream = await tell('a://1');
  await until(() => updates.length === 1);
  assert.deepEqual(updates[0], { uri: 'a://1', extra: 1 });
  stream.end();
  await until(() => !raw.streams.has(stream));
  await tell('a://1');
  await until(() => updates.length === 2);

  forgotten = true;
  await upstream.call(tool('x'));
  await until(() => asked().length === 2);
  assert.equal(raw.got.findLast(({ message }) => message?.method === 'resources/subscribe')!.headers['mcp-session-id'], 's2');

  first();
  first();
  second();
  await until(() => asked().length === 3);
  assert.equal(asked().at(-1), 'resources/unsubscribe a://1');
});

test('a subscription that the upstream refuses is refused', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) =>
      message?.method === 'resources/subscribe'
        ? json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32602, message: 'no such resource' } })
        : false,
    ),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
  await assert.rejects(upstream.subscribe('a://1', peer()), /no such resource/);
});

test('a session that ends while only updates are waited for begins anew, whatever it takes', async (t) => {
  let forgotten = false;
  let down = 2;
  const handle = legacy(
    (_message, response, request) =>
      forgotten && request.method === 'GET' && request.headers['mcp-session-id'] === 's1' ? response.writeHead(404).end() : false,
    { stream: true },
  );
  const raw = await startRaw(t, (message, response, request, self) => {
    if (forgotten && message?.method === 'initialize' && down-- > 0) return response.writeHead(503).end();
    handle(message, response, request, self);
  });
  const { upstream, updates } = open(t, entry({ url: raw.url, era: 'legacy' }), { backoffFirstMs: 10 });
  await upstream.subscribe('a://1', peer());
  const stream = await until(() => [...raw.streams][0]);
  forgotten = true;
  stream.end();
  await until(() => raw.names().filter((name) => name === 'resources/subscribe').length === 2);
  const next = await until(() => [...raw.streams].find((candidate) => candidate !== stream));
  next.write(event({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'a://1' } }));
  await until(() => updates.length === 1);
});
