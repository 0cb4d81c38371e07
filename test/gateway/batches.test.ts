// Protocol 2025-03-26 has batches, no other revision does. A member of one is a message like any other: decided, limited, recorded and answered by itself.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { allowAll, entry, makeBundle, openTestGateway, post, type RawAnswer, raw } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { until } from '../support/upstreams/open.ts';

const names = ['echo', 'told', 'hang', 'large', 'secret'];
const hide = '@id("no-secrets") @reason("test") forbid(principal, action == Action::"call", resource == Tool::"one/secret");';
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let house: Awaited<ReturnType<typeof openTestGateway>>;
let headers: Record<string, string>;
let release: (() => void)[] = [];

before(async () => {
  upstream = await openRpcServer({
    'tools/call': async ({ params }, { notify }) => {
      const args = (params['arguments'] ?? {}) as { size?: number };
      if (params['name'] === 'told')
        notify('notifications/progress', { progressToken: (params['_meta'] as { progressToken: unknown }).progressToken, progress: 1 });
      if (params['name'] === 'hang') await new Promise<void>((resolve) => release.push(resolve));
      return { content: [{ type: 'text', text: params['name'] === 'large' ? 'x'.repeat(args.size!) : JSON.stringify(args) }] };
    },
  });
  const tools = names.map((name) => ({ name, inputSchema: { type: 'object' } }));
  house = await openTestGateway(
    makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })], policies: `${allowAll}\n${hide}` }),
  );
  headers = await begin('2025-03-26');
});
after(async () => {
  for (const resolve of release) resolve();
  await house.close();
  await upstream.close();
});

async function begin(protocolVersion: string): Promise<Record<string, string>> {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'batching', version: '1' } };
  const opened = await post(house.url, house.token, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
  return { 'mcp-session-id': String(opened.headers['mcp-session-id']) };
}

type Json = Record<string, unknown>;
const send = (message: unknown, more: Record<string, string> = headers) => post(house.url, house.token, message, more);
const call = (id: unknown, name: string, args: Json = {}, meta?: Json): Json => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: `one__${name}`, arguments: args, ...(meta ? { _meta: meta } : {}) },
});
/** All messages of an answer, whatever its form. */
const messages = (answer: RawAnswer): Json[] => {
  if (answer.text === '') return [];
  if (String(answer.headers['content-type']).startsWith('text/event-stream')) return answer.events();
  const value = JSON.parse(answer.text);
  return Array.isArray(value) ? value : [value];
};
const sorted = (all: Json[]) => all.map((message) => JSON.stringify(message)).sort();

const member = fc.constantFrom<(id: number) => unknown>(
  (id) => ({ jsonrpc: '2.0', id, method: 'ping' }),
  (id) => ({ jsonrpc: '2.0', id, method: 'ping', params: null }),
  (id) => ({ jsonrpc: '2.0', id, method: 'tools/list' }),
  (id) => ({ jsonrpc: '2.0', id, method: 'no/such' }),
  (id) => call(id, 'echo', { id }),
  (id) => call(id, 'told', {}, { progressToken: id }),
  (id) => call(id, 'secret'),
  (id) => call(id, 'nothing'),
  (id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'one__echo', arguments: { a: 1, A: 2 } } }),
  (id) => ({ jsonrpc: '2.0', id, method: 'ping', params: [] }),
  () => ({ jsonrpc: '2.0', method: 'notifications/initialized' }),
  () => ({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'none' } }),
  (id) => ({ jsonrpc: '2.0', id: `answer-${id}`, result: {} }),
  () => 7,
  () => [],
);

test('a batch is answered as its members are alone: one list or a stream, 202 where nobody waits for an answer', async () => {
  let [lists, streams, nothing] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 8 }), async (made) => {
      const batch = made.map((make, at) => make(at));
      const alone: Json[] = [];
      for (const message of batch)
        alone.push(...(Array.isArray(message) ? messages(await send('7')) : messages(await send(JSON.stringify(message)))));
      const before = (await house.records()).length;
      const answer = await send(batch);
      assert.deepEqual(sorted(messages(answer)), sorted(alone), JSON.stringify(batch));
      const calls = batch.filter((message) => /"one__(echo|told|secret|nothing)"(?!.*"A":2)/.test(JSON.stringify(message)));
      assert.equal((await house.records()).length - before, calls.length, 'each call is recorded');
      if (answer.text === '') {
        nothing++;
        assert.equal(answer.status, 202);
      } else if (/event-stream/.test(String(answer.headers['content-type']))) streams++;
      else {
        lists++;
        assert.ok(Array.isArray(answer.json()), 'also of one');
      }
    }),
    { numRuns: 60, seed: 1, examples: [[[() => ({ jsonrpc: '2.0', method: 'notifications/initialized' })]]] },
  );
  assert.ok(lists > 5 && streams > 5 && nothing > 0, `${lists} lists, ${streams} streams, ${nothing} times nothing`);
});

test('a batch is bounded, has no two equal ids, and belongs to a session that agreed on 2025-03-26', async () => {
  const ping = (id: unknown) => ({ jsonrpc: '2.0', id, method: 'ping' });
  const refused = async (batch: unknown, words: RegExp, more?: Record<string, string>) => {
    const seen = upstream.seen.length;
    const answer = await send(batch, more);
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.text, words);
    assert.equal(upstream.seen.length, seen, 'nothing of it was begun');
  };
  await refused([], /needs a message/);
  await refused(
    Array.from({ length: 101 }, (_, at) => call(at, 'echo')),
    /at most 100 messages/,
  );
  assert.equal(messages(await send(Array.from({ length: 100 }, (_, at) => ping(at)))).length, 100);
  await refused([call(1, 'echo'), call(1, 'echo')], /same id/);
  await refused('[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":1.0,"method":"ping"}]', /same id/);
  assert.equal(messages(await send([ping(1), ping('1')])).length, 2);
  await refused([call(1, 'echo')], /2025-03-26 only/, {});
  for (const version of ['2025-11-25', '2025-06-18', '2024-11-05'])
    await refused([call(1, 'echo')], /2025-03-26 only/, await begin(version));
  assert.equal((await send([ping(1)], { 'mcp-session-id': 'nope' })).status, 404);
  assert.equal((await send([ping(1)], { ...headers, 'mcp-protocol-version': '1999-01-01' })).status, 400);
});

test('what begins a session, or speaks another revision, has no place in a batch; its neighbours have', async () => {
  const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  const initialize = { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'x', version: '1' } };
  const answers = messages(
    await send([
      { jsonrpc: '2.0', id: 1, method: 'initialize', params: initialize },
      { jsonrpc: '2.0', id: 2, method: 'server/discover' },
      call(3, 'echo', {}, meta),
      call(4, 'echo'),
    ]),
  );
  const of = (id: number) => answers.find((answer) => answer['id'] === id)!;
  for (const id of [1, 2, 3]) assert.match(JSON.stringify(of(id)['error']), /-32600.*send it alone/, String(id));
  assert.ok(of(4)['result']);
});

test('ids in a batch come back as they were written', async () => {
  const text = `[${['9007199254740993', '"x"', '1.0', '12345678901234567890'].map((id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`).join()}]`;
  const answer = await send(text);
  assert.deepEqual(
    [...answer.text.matchAll(/"id":([^,]+)/g)].map((match) => match[1]),
    ['9007199254740993', '"x"', '1.0', '12345678901234567890'],
  );
});

test('a member that is cancelled has no answer, the others have theirs', async () => {
  release = [];
  const open = send([call('a', 'hang'), call('b', 'hang'), { jsonrpc: '2.0', id: 'c', method: 'ping' }]);
  await until(() => release.length === 2);
  await send([{ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'a' } }]);
  for (const resolve of release) resolve();
  assert.deepEqual(
    messages(await open)
      .map(({ id }) => id)
      .sort(),
    ['b', 'c'],
  );
  // Within one batch, in its order.
  const both = await send([
    call('d', 'hang'),
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'd' } },
    call('e', 'echo'),
  ]);
  assert.deepEqual(
    messages(both).map(({ id }) => id),
    ['e'],
  );
});

test('answers too large to wait for each other go out on a stream, whole; where there is none, the agent is told', async () => {
  const batch = [0.4, 0.8, 3].map((share, at) => call(at, 'large', { size: Math.round(share * 1024 * 1024) }));
  const answer = await send(batch);
  assert.match(String(answer.headers['content-type']), /event-stream/);
  const sizes = new Map(
    messages(answer).map(({ id, result }) => [id, (result as { content: { text: string }[] }).content[0]!.text.length]),
  );
  assert.deepEqual([...sizes].sort(), [
    [0, Math.round(0.4 * 1024 * 1024)],
    [1, Math.round(0.8 * 1024 * 1024)],
    [2, 3 * 1024 * 1024],
  ]);
  const json = await raw(house.url, {
    headers: { authorization: `Bearer ${house.token}`, 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify(batch),
  });
  const told = messages(json);
  assert.equal(told.length, 3);
  assert.match(JSON.stringify(told.find(({ id }) => id === 2)), /one by one/);
});
