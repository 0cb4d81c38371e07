import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../src/protocol/jsonrpc.ts';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, json, legacy, type Message, result, sse, startRaw } from '../support/upstreams/raw.ts';

const answerTools =
  (more: (message: Message) => string = () => 'well') =>
  (message: Message, response: Parameters<typeof json>[0]) =>
    message?.method === 'tools/call' ? json(response, result(message.id, more(message))) : false;

const asking = (id: string) => peer({ id, capabilities: { elicitation: {}, sampling: {} }, clientInfo: { name: id, version: '2' } });

test('the handshake is as the specification has it, and happens once for calls that come together', async (t) => {
  const raw = await startRaw(t, legacy(answerTools()));
  const { upstream, upstreams } = open(t, entry({ url: raw.url }));
  assert.equal(upstream.status().state, 'idle');
  assert.equal(raw.got.length, 0, 'nothing is contacted before first use');
  await Promise.all(Array.from({ length: 10 }, () => upstream.call(tool('x'))));
  await until(() => raw.names().includes('GET'));
  assert.deepEqual(
    raw.names().filter((name) => name !== 'tools/call' && name !== 'GET'),
    ['server/discover', 'initialize', 'notifications/initialized'],
  );
  const sent = raw.got.filter(({ message }) => message?.method === 'tools/call');
  assert.equal(sent.length, 10);
  for (const { headers } of sent) {
    assert.equal(headers['mcp-session-id'], 's1');
    assert.equal(headers['mcp-protocol-version'], '2025-11-25');
    assert.equal(headers['mcp-method'], undefined);
    assert.match(headers.accept ?? '', /application\/json, text\/event-stream/);
  }
  assert.deepEqual(raw.got[1]!.message.params, {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'gatehouse', version: '0.0.0' },
  });
  await upstreams.close();
  assert.equal(raw.names().at(-1), 'DELETE');
});

test('an older version is accepted and used from then on, an unknown one is not', async (t) => {
  const old = await startRaw(t, legacy(answerTools(), { version: '2025-03-26' }));
  const opened = open(t, entry({ url: old.url }));
  await opened.upstream.call(tool('x'));
  assert.equal(old.got.at(-1)!.headers['mcp-protocol-version'], '2025-03-26');
  const strange = await startRaw(t, legacy(answerTools(), { version: '2031-01-01' }));
  await assert.rejects(open(t, entry({ url: strange.url })).upstream.call(tool('x')), { problem: 'bad-answer', message: /2031-01-01/ });
});

test('an extension that an agent declares is declared for it, in a session of its own', async (t) => {
  const raw = await startRaw(t, legacy(answerTools()));
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
  const extensions = { x: { y: [1] } };
  await upstream.call(tool('x', {}, { peer: peer({ id: 'a', capabilities: { elicitation: {}, extensions } }) }));
  await upstream.call(tool('x', {}, { peer: peer({ id: 'b', capabilities: { extensions: {} } }) }));
  const declared = raw.got.filter(({ message }) => message?.method === 'initialize').map(({ message }) => message.params.capabilities);
  // Without a way to be asked, only the extension: what is declared must be answered.
  assert.deepEqual(declared, [{}, { extensions }]);
});

test('agents that can be asked have a session each, the others share one', async (t) => {
  const raw = await startRaw(t, legacy(answerTools()));
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }), { sessions: 2 });
  const onRequest = async () => ({ result: {} });
  const sessionOf = async (call: ReturnType<typeof tool>) => {
    await upstream.call(call);
    return raw.got.findLast(({ message }) => message?.method === 'tools/call')!.headers['mcp-session-id'];
  };
  const shared = await sessionOf(tool('x', {}, { peer: peer({ id: 'a' }), onRequest }));
  assert.equal(await sessionOf(tool('x', {}, { peer: peer({ id: 'b' }), onRequest })), shared);
  assert.equal(await sessionOf(tool('x', {}, { peer: asking('m') })), shared, 'a modern agent cannot be asked by a legacy upstream');
  const c = await sessionOf(tool('x', {}, { peer: asking('c'), onRequest }));
  const d = await sessionOf(tool('x', {}, { peer: asking('d'), onRequest }));
  assert.equal(new Set([shared, c, d]).size, 3);
  assert.equal(await sessionOf(tool('x', {}, { peer: asking('c'), onRequest })), c);
  const declared = raw.got.filter(({ message }) => message?.method === 'initialize').map(({ message }) => message.params);
  assert.deepEqual(declared[1].capabilities, { sampling: {}, elicitation: {} });
  assert.equal(declared[1].clientInfo.name, 'c');

  // The bound: the one that was not used for longest ends.
  await sessionOf(tool('x', {}, { peer: asking('e'), onRequest }));
  await until(() => raw.got.some(({ method, headers }) => method === 'DELETE' && headers['mcp-session-id'] === d));
  upstream.forget('c');
  await until(() => raw.got.some(({ method, headers }) => method === 'DELETE' && headers['mcp-session-id'] === c));
});

test("an upstream's question reaches the call on whose stream it came, and its answer goes back", async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response, request, self) => {
      if (message?.method !== 'tools/call') return false;
      const question = `q-${request.headers['mcp-session-id']}-${message.id}`;
      sse(response).write(event({ jsonrpc: '2.0', id: question, method: 'elicitation/create', params: { message: message.params.name } }));
      response.write(event({ jsonrpc: '2.0', id: `p-${message.id}`, method: 'ping' }));
      void until(() => self.got.find((request) => request.message?.id === question && request.message.method === undefined)).then((got) =>
        response.end(event(result(message.id, JSON.stringify(got.message)))),
      );
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy', timeoutMs: 1000 }));
  const call = (id: string) =>
    upstream.call(
      tool(
        `tool of ${id}`,
        {},
        {
          peer: asking(id),
          // A person thinks for longer than the time limit: the clock stands still meanwhile.
          onRequest: async ({ method, params }) => {
            await new Promise((resolve) => setTimeout(resolve, 1300));
            return { result: { action: 'accept', content: { id, method, said: params['message'] } } };
          },
        },
      ),
    );
  const [a, b] = await Promise.all([call('a'), call('b')]);
  assert.deepEqual(JSON.parse(text(a)).result.content, { id: 'a', method: 'elicitation/create', said: 'tool of a' });
  assert.deepEqual(JSON.parse(text(b)).result.content, { id: 'b', method: 'elicitation/create', said: 'tool of b' });
  assert.ok(raw.got.some(({ message }) => String(message?.id).startsWith('p-') && message.result));
  // Who cannot be asked: the upstream is told so, and decides.
  const refused = JSON.parse(text(await upstream.call(tool('x'))));
  assert.equal(refused.error.code, -32601);
});

test('progress and log messages belong to their call, at the level it asked for; the session gets the chattiest', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      sse(response);
      const token = message.params._meta?.progressToken;
      if (token !== undefined)
        response.write(
          event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: 1, extra: 'kept' } }),
        );
      for (const level of ['debug', 'warning', 'error'])
        response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: { level, data: level } }));
      response.write(event({ jsonrpc: '2.0', method: 'notifications/vendor', params: { a: 1 } }));
      response.end(event(result(message.id, JSON.stringify(message.params))));
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
  const run = async (logLevel?: string) => {
    const seen: unknown[] = [];
    const outcome = await upstream.call(
      tool(
        'x',
        {},
        {
          params: { name: 'x', _meta: { traceparent: '00-1' } },
          peer: peer(logLevel === undefined ? {} : { logLevel }),
          onProgress: ({ progressToken: _token, ...params }: JsonObject) => seen.push(params),
          onNotification: ({ method, params }) => seen.push(params?.['data'] ?? method),
        },
      ),
    );
    assert.equal(JSON.parse(text(outcome))._meta.traceparent, '00-1');
    return seen;
  };
  const progress = { progress: 1, extra: 'kept' };
  assert.deepEqual(await run(), [progress, 'notifications/vendor']);
  assert.deepEqual(await run('warning'), [progress, 'warning', 'error', 'notifications/vendor']);
  assert.deepEqual(await run('debug'), [progress, 'debug', 'warning', 'error', 'notifications/vendor']);
  assert.deepEqual(await run('error'), [progress, 'error', 'notifications/vendor']);
  assert.deepEqual(
    raw.got.filter(({ message }) => message?.method === 'logging/setLevel').map(({ message }) => message.params.level),
    ['warning', 'debug'],
  );
});

test('a cancelled or late call is cancelled upstream, by its id', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message) => (message?.method === 'tools/call' ? undefined : false)),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy', timeoutMs: 100 }));
  const stop = new AbortController();
  const running = upstream.call(tool('x', {}, { signal: stop.signal, timeoutMs: 60_000 }));
  const sent = await until(() => raw.got.find(({ message }) => message?.method === 'tools/call'));
  stop.abort();
  await assert.rejects(running, { problem: 'cancelled' });
  await assert.rejects(upstream.call(tool('y')), { problem: 'timed-out' });
  const cancelled = await until(() => {
    const notes = raw.got.filter(({ message }) => message?.method === 'notifications/cancelled');
    return notes.length === 2 && notes;
  });
  assert.equal(cancelled[0]!.message.params.requestId, sent.message.id);
  await assert.rejects(upstream.call(tool('z', {}, { signal: AbortSignal.abort() })), { problem: 'cancelled' });
  assert.ok(!raw.got.some(({ message }) => message?.params?.name === 'z'));
});

for (const [title, status, body] of [
  ['404', 404, ''],
  ['404 with an error', 404, JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } })],
  [
    '400 as older servers say it',
    400,
    JSON.stringify({ jsonrpc: '2.0', error: { code: -32000, message: 'Bad Request: No valid session ID provided' } }),
  ],
] as const)
  test(`a session that the upstream forgot (${title}) begins anew, and the call is made once`, async (t) => {
    let forgotten = true;
    let made = 0;
    const raw = await startRaw(
      t,
      legacy((message, response, request) => {
        if (message?.method !== 'tools/call') return false;
        if (forgotten && request.headers['mcp-session-id'] === 's1')
          return response.writeHead(status, { 'content-type': 'application/json' }).end(body);
        made++;
        json(response, result(message.id, String(request.headers['mcp-session-id'])));
      }),
    );
    const { upstream } = open(t, entry({ url: raw.url, era: 'legacy' }));
    const answers = await Promise.all([upstream.call(tool('x')), upstream.call(tool('x')), upstream.call(tool('x'))]);
    assert.deepEqual(answers.map(text), ['s2', 's2', 's2'], 'one new session, not three');
    assert.equal(made, 3);
    forgotten = false;
  });
