import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { entry, open, peer, text, tool } from '../support/upstreams/open.ts';
import { type Handle, json, legacy, type Message, result, startRaw } from '../support/upstreams/raw.ts';

const facts = { destructive: false, openWorld: false, tags: [] };
const tools = { read: { ...facts, readOnly: true }, write: { ...facts, readOnly: false } };
const catalogue = { tools: [{ name: 'read' }, { name: 'write' }] };
const other = (method: string, params: Message) => ({ ...tool(''), method, params });
const fin = (socket: Socket) => socket.destroy();
const reset = (socket: Socket) => socket.resetAndDestroy();

/** Its idle timer goes off as a request arrives, while `closing`: on a connection that has served before, nothing is answered. */
async function start(t: TestContext, close: (socket: Socket) => unknown) {
  const served = new Set<Socket>();
  const state = { closing: false };
  const seen: string[] = [];
  const answer: Handle = (message, response, request) => {
    if (message?.id === undefined || message.method === undefined) return false;
    seen.push(message.method);
    if (state.closing && served.has(request.socket)) return close(request.socket);
    json(response, result(message.id, 'well'));
  };
  const handle = legacy(answer);
  const raw = await startRaw(t, (message, response, request, self) => {
    response.on('finish', () => served.add(request.socket));
    handle(message, response, request, self);
  });
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy', tools, catalogue }), { connections: 1 });
  return { upstream, state, seen };
}

for (const [how, close] of [
  ['closes', fin],
  ['resets', reset],
] as const)
  test(`a server that ${how} an idle connection under a call: what only reads is made once more, what may not is said to be unknown`, async (t) => {
    const { upstream, state, seen } = await start(t, close);
    for (const call of [
      tool('read'),
      other('resources/read', { uri: 'a://1' }),
      other('prompts/get', { name: 'p' }),
      other('completion/complete', { ref: { type: 'ref/prompt', name: 'p' }, argument: { name: 'a', value: '' } }),
    ]) {
      state.closing = false;
      await upstream.call(tool('read'));
      seen.length = 0;
      state.closing = true;
      assert.equal(text(await upstream.call({ ...call, peer: peer() })), 'well', call.method);
      assert.deepEqual(seen, [call.method, call.method]);
    }
    for (const name of ['write', 'unlisted', 'constructor']) {
      state.closing = false;
      await upstream.call(tool('read'));
      seen.length = 0;
      state.closing = true;
      await assert.rejects(upstream.call(tool(name)), { problem: 'closed', message: /unknown whether the call was carried out/ });
      assert.deepEqual(seen, ['tools/call']);
    }
  });

test('a call that only reads is repeated once, and not again', async (t) => {
  let calls = 0;
  const raw = await startRaw(
    t,
    legacy((message, response, request) => {
      if (message?.method !== 'tools/call') return false;
      if (calls++ === 0) return json(response, result(message.id, 'well'));
      request.socket.resetAndDestroy();
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy', tools, catalogue }));
  await upstream.call(tool('read'));
  await assert.rejects(upstream.call(tool('read')), { problem: 'closed' });
  assert.equal(calls, 3);
});

test('a connection is left before servers close it: a stated time is heeded, without one it is three seconds', async (t) => {
  const ports = new Set<number>();
  let headers: Record<string, string> = { connection: 'keep-alive' };
  let reused = false;
  const answer = legacy((message, response) =>
    message?.method === 'tools/call' ? json(response, result(message.id, 'well'), headers) : false,
  );
  const raw = await startRaw(t, (message, response, request, self) => {
    reused = ports.has(request.socket.remotePort!);
    ports.add(request.socket.remotePort!);
    answer(message, response, request, self);
  });
  const { upstream } = open(t, entry({ url: raw.url, era: 'legacy', tools, catalogue }));
  await upstream.call(tool('write'));
  await new Promise((resolve) => setTimeout(resolve, 200));
  await upstream.call(tool('write'));
  assert.ok(reused, 'used again at once');
  await new Promise((resolve) => setTimeout(resolve, 4600));
  headers = { connection: 'keep-alive', 'keep-alive': 'timeout=2' };
  await upstream.call(tool('write'));
  assert.ok(!reused);
  await upstream.call(tool('write'));
  assert.ok(!reused, 'two seconds are too few to be relied on');
});
