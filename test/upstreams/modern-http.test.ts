import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, type Handle, json, result, sse, startRaw } from '../support/upstreams/raw.ts';

const discovered = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
const modern =
  (handle: Handle): Handle =>
  (message, response, request, raw) =>
    message?.method === 'server/discover'
      ? json(response, { jsonrpc: '2.0', id: message.id, result: discovered })
      : handle(message, response, request, raw);

const prefix = 'io.modelcontextprotocol/';

test("a request carries envelope and headers, and the answer is the upstream's own", async (t) => {
  const odd = {
    resultType: 'task',
    task: { taskId: 'x' },
    unknown: [{ deep: null }],
    content: [{ type: 'hologram', data: 1 }],
    _meta: { v: 1 },
  };
  const raw = await startRaw(
    t,
    modern((message, response) => json(response, { jsonrpc: '2.0', id: message.id, result: odd })),
  );
  const schema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      deep: { type: 'object', properties: { count: { type: 'integer', 'x-mcp-header': 'Count' } } },
      absent: { type: 'boolean', 'x-mcp-header': 'Absent' },
    },
  };
  const { upstream } = open(t, entry({ url: raw.url, catalogue: { tools: [{ name: 'größe', inputSchema: schema }] } }));
  const asked = peer({ id: 'm', era: 'modern', capabilities: { elicitation: { form: {} } }, logLevel: 'info' });
  const params = { name: 'größe', arguments: { region: ' eu', deep: { count: 7 } }, _meta: { traceparent: '00-1', 'vendor/x': 2 } };
  assert.deepEqual(await upstream.call(tool('', {}, { params, peer: asked, onProgress: () => {} })), { result: odd });
  const { headers, message } = raw.got.at(-1)!;
  assert.equal(headers['mcp-protocol-version'], '2026-07-28');
  assert.equal(headers['mcp-method'], 'tools/call');
  assert.equal(headers['mcp-name'], `=?base64?${Buffer.from('größe').toString('base64')}?=`);
  assert.equal(headers['mcp-param-region'], `=?base64?${Buffer.from(' eu').toString('base64')}?=`);
  assert.equal(headers['mcp-param-count'], '7');
  assert.equal(headers['mcp-param-absent'], undefined);
  assert.equal(headers['mcp-session-id'], undefined);
  assert.deepEqual(message.params._meta, {
    traceparent: '00-1',
    'vendor/x': 2,
    [`${prefix}protocolVersion`]: '2026-07-28',
    [`${prefix}clientCapabilities`]: { elicitation: { form: {} } },
    [`${prefix}clientInfo`]: { name: 'test-agent', version: '1.0.0' },
    [`${prefix}logLevel`]: 'info',
    progressToken: message.id,
  });
  assert.deepEqual(params._meta, { traceparent: '00-1', 'vendor/x': 2 }, "the caller's own object is left alone");
});

for (const [method, params, name] of [
  ['resources/read', { uri: 'a://b c' }, 'a://b c'],
  ['prompts/get', { name: 'p' }, 'p'],
  ['completion/complete', { ref: { type: 'ref/prompt', name: 'p' }, argument: {} }, undefined],
  ['tasks/get', { taskId: 't-1' }, 't-1'],
] as const)
  test(`Mcp-Name of ${method}`, async (t) => {
    const raw = await startRaw(
      t,
      modern((message, response) => json(response, { jsonrpc: '2.0', id: message.id, result: {} })),
    );
    const { upstream } = open(t, entry({ url: raw.url }));
    await upstream.call(tool('', {}, { method, params }));
    assert.equal(raw.got.at(-1)!.headers['mcp-name'], name);
    assert.equal(raw.got.at(-1)!.headers['mcp-method'], method);
  });

test('errors pass, with the status the era gives them', async (t) => {
  const error = { code: -32021, message: 'Needs sampling', data: { requiredCapabilities: { sampling: {} } } };
  const raw = await startRaw(
    t,
    modern((message, response) => json(response, { jsonrpc: '2.0', id: message.id, error }, {}, 400)),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'modern' }));
  // A modern server that says "unknown method" says so with 404, and is no less modern for it.
  assert.deepEqual(await upstream.call(tool('x')), { error });
  assert.deepEqual(await upstream.call(tool('x')), { error });
});

test('a stream brings progress and messages before the answer; closing it is cancelling', async (t) => {
  let closed = false;
  const raw = await startRaw(
    t,
    modern((message, response) => {
      sse(response);
      const { progressToken } = message.params._meta;
      response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress: 1, total: 2 } }));
      response.write(event({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x' } }));
      if (message.params.name === 'wait') return response.on('close', () => (closed = true));
      response.end(event(result(message.id, 'done')));
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'modern' }));
  const seen: unknown[] = [];
  const hooks = {
    onProgress: ({ progressToken: _token, ...params }: Record<string, unknown>) => seen.push(params),
    onNotification: ({ method }: { method: string }) => seen.push(method),
    peer: peer({ era: 'modern', logLevel: 'info' }),
  };
  assert.equal(text(await upstream.call(tool('x', {}, hooks))), 'done');
  assert.deepEqual(seen, [{ progress: 1, total: 2 }, 'notifications/message']);
  const stop = new AbortController();
  const waiting = upstream.call(tool('wait', {}, { ...hooks, onProgress: () => stop.abort(), signal: stop.signal }));
  await assert.rejects(waiting, { problem: 'cancelled' });
  await until(() => closed);
  assert.ok(!raw.names().includes('notifications/cancelled'));
});

test('one listening stream for all subscriptions: opened anew when the set changes, without a gap, and when it breaks', async (t) => {
  const raw = await startRaw(
    t,
    modern((message, response, _request, self) => {
      if (message.method !== 'subscriptions/listen') return json(response, result(message.id, 'well'));
      const resourceSubscriptions = message.params.notifications.resourceSubscriptions.filter((uri: string) => uri !== 'unheard://');
      sse(response);
      const _meta = { [`${prefix}subscriptionId`]: message.id };
      if (resourceSubscriptions.includes('no://'))
        return response.end(event({ jsonrpc: '2.0', id: message.id, error: { code: -32602, message: 'not that one' } }));
      response.write(
        event({
          jsonrpc: '2.0',
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: { resourceSubscriptions }, _meta },
        }),
      );
      self.streams.add(response);
      response.on('close', () => self.streams.delete(response));
    }),
  );
  const { upstream, updates } = open(t, entry({ url: raw.url }), { backoffFirstMs: 10 });
  const sets = () =>
    raw.got
      .filter(({ message }) => message.method === 'subscriptions/listen')
      .map(({ message }) => message.params.notifications.resourceSubscriptions);
  const subscription = await upstream.subscribe('a://1', peer());
  const again = await upstream.subscribe('a://1', peer());
  assert.deepEqual(sets(), [['a://1']]);
  assert.equal(raw.got.at(-1)!.headers['mcp-method'], 'subscriptions/listen');
  const other = await upstream.subscribe('a://2', peer());
  assert.deepEqual(sets(), [['a://1'], ['a://1', 'a://2']]);
  await until(() => raw.streams.size === 1);
  const tell = async () => {
    const [stream] = await until(() => raw.streams.size === 1 && [...raw.streams]);
    const _meta = { [`${prefix}subscriptionId`]: 'listen-2', 'vendor/x': 1 };
    stream!.write(event({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'a://2', _meta } }));
    return stream!;
  };
  const stream = await tell();
  await until(() => updates.length === 1);
  assert.deepEqual(updates[0], { uri: 'a://2', _meta: { 'vendor/x': 1 } });
  stream.destroy();
  await until(() => sets().length === 3);
  await tell();
  await until(() => updates.length === 2);
  await assert.rejects(upstream.subscribe('no://', peer()), /not that one/);
  await assert.rejects(upstream.subscribe('unheard://', peer()), /does not tell of changes/);
  subscription();
  again();
  other();
  await until(() => raw.streams.size === 0);
});

test('what is asked of the agent passes as it came (SEP-2322)', async (t) => {
  const asked = {
    resultType: 'input_required',
    inputRequests: { k: { method: 'elicitation/create', params: {} } },
    requestState: 'opaque==',
  };
  const raw = await startRaw(
    t,
    modern((message, response) =>
      json(response, { jsonrpc: '2.0', id: message.id, result: message.params.inputResponses ? { ok: true } : asked }),
    ),
  );
  const { upstream } = open(t, entry({ url: raw.url }));
  assert.deepEqual(await upstream.call(tool('x')), { result: asked });
  const params = { name: 'x', arguments: {}, inputResponses: { k: { action: 'accept' } }, requestState: 'opaque==' };
  assert.deepEqual(await upstream.call(tool('', {}, { params })), { result: { ok: true } });
  assert.equal(raw.got.at(-1)!.message.params.requestState, 'opaque==');
});
