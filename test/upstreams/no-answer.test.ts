import assert from 'node:assert/strict';
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseLong } from '../../src/upstreams/messages/parse-json.ts';
import { readMessage, UnreadableMessage } from '../../src/upstreams/messages/reading.ts';
import type { UpstreamError } from '../../src/upstreams/upstream.ts';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, json, legacy, type Message, result, sse, startRaw } from '../support/upstreams/raw.ts';

/** What servers, their frameworks and proxies send so that a connection stays open, and what programs print: none of it is an answer. */
const signsOfLife = (id: number): [name: string, event: string][] => {
  const poison = JSON.stringify(result(id, 'poison'));
  return [
    ['a ping without data', 'event: ping\ndata:\n\n'],
    ['a ping with text', 'event: ping\ndata: 2026-07-28 12:00:00\n\n'],
    ['a ping with JSON', 'event: ping\ndata: {}\n\n'],
    ['a keepalive that looks like the answer', `event: keepalive\ndata: ${poison}\n\n`],
    ['a keepalive of broken JSON', 'event: keepalive\ndata: {"a":\n\n'],
    ['a text without a name', 'data: keepalive\n\n'],
    ['the end mark of other services', 'data: [DONE]\n\n'],
    ['null', 'data: null\n\n'],
    ['a number', 'data: 42\n\n'],
    ['an empty object', 'data: {}\n\n'],
    [
      'an object of another protocol with our id',
      `data: ${JSON.stringify({ id, result: { content: [{ type: 'text', text: 'poison' }] } })}\n\n`,
    ],
    ['an envelope around nothing', 'data: {"jsonrpc":"2.0"}\n\n'],
    ['an id alone', 'id: 7\n\n'],
  ];
};
const all = (id: number) =>
  signsOfLife(id)
    .map(([, event]) => event)
    .join('');
const howMany = signsOfLife(0).length;

/** A modern and a legacy server whose answer to a call is a stream that begins with `before`. */
const eras = {
  legacy: (before: (id: number) => string) =>
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      sse(response).end(before(message.id) + event(result(message.id, 'well')));
    }),
  modern: (before: (id: number) => string) => (message: Message, response: ServerResponse) => {
    if (message.method === 'server/discover')
      return json(response, { jsonrpc: '2.0', id: message.id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } });
    sse(response).end(before(message.id) + event(result(message.id, 'well')));
  },
};

for (const [era, serve] of Object.entries(eras))
  for (let at = 0; at < howMany; at++)
    test(`${era}: ${signsOfLife(0)[at]![0]} on a call's stream ends no call`, async (t) => {
      const raw = await startRaw(
        t,
        serve((id) => signsOfLife(id)[at]![1]),
      );
      const { upstream } = open(t, entry({ url: raw.url }));
      assert.equal(text(await upstream.call(tool('x'))), 'well');
    });

test('a call whose stream is resumed lives through all of them, and so does one that is answered on the standing stream', async (t) => {
  let call: Message;
  const raw = await startRaw(
    t,
    legacy(
      (message, response, request, self) => {
        if (request.method === 'GET' && request.headers['last-event-id'] !== undefined)
          return void sse(response).end(all(call.id) + event(result(call.id, 'resumed')));
        if (message?.method !== 'tools/call') return false;
        call = message;
        if (message.params.name === 'resumed') return void sse(response).end('retry: 1\nid: e1\ndata:\n\n');
        sse(response);
        void until(() => [...self.streams][0]).then((stream) => stream.write(all(message.id) + event(result(message.id, 'standing'))));
      },
      { stream: true },
    ),
  );
  const { upstream } = open(t, entry({ url: raw.url }));
  assert.equal(text(await upstream.call(tool('resumed'))), 'resumed');
  assert.equal(text(await upstream.call(tool('standing'))), 'standing');
});

test('a stream of updates lives through all of them', async (t) => {
  const raw = await startRaw(t, (message, response) => {
    if (message.method !== 'subscriptions/listen')
      return json(response, { jsonrpc: '2.0', id: message.id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } });
    const say = (method: string, params: object) => event({ jsonrpc: '2.0', method, params });
    const named = `event: ping\n${say('notifications/resources/updated', { uri: 'a://other' })}`;
    const notifications = { resourceSubscriptions: ['a://1'] };
    sse(response).write(
      named +
        all(0) +
        say('notifications/subscriptions/acknowledged', { notifications }) +
        named +
        say('notifications/resources/updated', { uri: 'a://1' }),
    );
  });
  const { upstream, updates } = open(t, entry({ url: raw.url, era: 'modern' }));
  await upstream.subscribe('a://1', peer());
  await until(() => updates.length > 0);
  assert.deepEqual(updates, [{ uri: 'a://1' }]);
});

test('an old HTTP+SSE stream lives through all of them', async (t) => {
  let stream: ServerResponse | undefined;
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') {
      stream = sse(response);
      stream.write('event: endpoint\ndata: /messages\n\n');
      return;
    }
    if (request.url !== '/messages') return void response.writeHead(405).end();
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      response.writeHead(202).end();
      const { id, method } = JSON.parse(body);
      if (id === undefined) return;
      const handshake = { jsonrpc: '2.0', id, result: { protocolVersion: '2024-11-05', capabilities: {} } };
      stream!.write(all(id) + event(method === 'initialize' ? handshake : result(id, 'well')));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { upstream } = open(t, entry({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/sse` }));
  assert.equal(text(await upstream.call(tool('x'))), 'well');
});

test('signs of life without end are a flood', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      sse(response).end('event: ping\ndata: x\n\n'.repeat(200) + event(result(message.id, 'late')));
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url }), { messagesPerCall: 100 });
  await assert.rejects(upstream.call(tool('x')), { problem: 'too-large', message: /flood/ });
});

const program = fileURLToPath(new URL('../support/upstreams/stdio-server.ts', import.meta.url));
const local = (t: TestContext, MODE: string) =>
  open(t, entry({ launch: { command: 'node', args: [program], env: { MODE }, cwd: '/' }, timeoutMs: 30_000 }));

for (const MODE of ['legacy', 'modern'])
  test(`${MODE}: a line of a log that has an id reaches no call of that id, whoever's it is`, async (t) => {
    const { upstream } = local(t, MODE);
    const hers = upstream.call(tool('wait', {}, { peer: peer({ id: 'agent-a' }) }));
    const logs = await upstream.call(tool('log', {}, { peer: peer({ id: 'agent-b' }) }));
    assert.equal(text(logs), 'logged');
    await upstream.call(tool('release', {}, { peer: peer({ id: 'agent-b' }) }));
    assert.equal(text(await hers), 'her own');
  });

test('an id that comes back as a text is the id it was, with the progress of its call', async (t) => {
  const { upstream } = local(t, 'legacy');
  const seen: unknown[] = [];
  const outcome = await upstream.call(tool('as-text', {}, { onProgress: ({ progress }) => seen.push(progress) }));
  assert.deepEqual([text(outcome), seen], ['well', [1]]);
  for (const stream of [true, false]) {
    const raw = await startRaw(
      t,
      legacy((message, response) => {
        if (message?.method !== 'tools/call') return false;
        const { progressToken } = message.params._meta;
        const progress = {
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: String(progressToken), progress: 2 },
        };
        if (stream) sse(response).end(event(progress) + event(result(String(message.id), 'well')));
        else json(response, result(String(message.id), 'well'));
      }),
    );
    const { upstream } = open(t, entry({ url: raw.url }));
    assert.equal(text(await upstream.call(tool('x', {}, { onProgress: ({ progress }) => seen.push(progress) }))), 'well');
  }
  assert.deepEqual(seen, [1, 2]);
});

test('of what is too much to be read only an answer says whose it was', async () => {
  const values = (most: number) => `[${'0,'.repeat(most)}0]`;
  const long = (head: string) => `{${head},"x":${values(60_000)},"pad":"${'x'.repeat(3_000_000)}"}`;
  const refusedId = (line: string) =>
    new Promise<unknown>((resolve) => {
      void readMessage(line, (_message, error?: UpstreamError) => resolve(error instanceof UnreadableMessage ? error.id : 'read'));
    });
  assert.equal(await refusedId(long('"jsonrpc":"2.0","id":5')), 5);
  assert.equal(await refusedId(long('"id":5')), undefined);
  assert.equal(await refusedId(long('"jsonrpc":"2.0","id":5,"method":"sampling/createMessage"')), undefined);
  for (const [head, id] of [
    ['"jsonrpc" : "2.0","id":5', 5],
    ['"id":5', undefined],
    ['"jsonrpc":"1.0","id":5', undefined],
    ['"jsonrpc":"2.0","id":5,"method":"ping"', undefined],
  ] as const) {
    const refused = parseLong(`{${head},"x":${values(2_100_000)}}`);
    assert.ok('refused' in refused);
    assert.equal(refused.id, id, head);
  }
});
