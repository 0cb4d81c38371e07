import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, makeBundle, openTestGateway } from '../support/gateway.ts';
import { legacyAgent } from '../support/matrix-agent.ts';
import { until } from '../support/upstreams/open.ts';
import { json, legacy, startRaw } from '../support/upstreams/raw.ts';

const uris = Array.from({ length: 20 }, (_, index) => `a://${index}`);
const never = 'a://never';
const schema = { type: 'object' };

/** A modern listen by hand; what arrives on it, with the milliseconds since it was asked for. */
async function listen(url: string, token: string, resourceSubscriptions: string[], stop: AbortSignal) {
  const began = performance.now();
  const method = 'subscriptions/listen';
  const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method,
      params: { notifications: { toolsListChanged: true, resourceSubscriptions }, _meta },
    }),
    signal: stop,
  });
  // biome-ignore lint/suspicious/noExplicitAny: any message
  const heard: { at: number; message: any }[] = [];
  void (async () => {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream()))
      for (const line of chunk.split('\n'))
        if (line.startsWith('data: {')) heard.push({ at: performance.now() - began, message: JSON.parse(line.slice(6)) });
  })().catch(() => {});
  return heard;
}

test('a listen is acknowledged first and soon, whatever one upstream does; what was announced meanwhile follows', async (t) => {
  let release = () => {};
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'resources/subscribe') return false;
      const done = () => json(response, { jsonrpc: '2.0', id: message.id, result: {} });
      if (message.params.uri === never) release = done;
      else setTimeout(done, 150);
    }),
  );
  const bundle = (version: number, tools: string[]) =>
    makeBundle({
      version,
      servers: [
        entry({
          id: 'm',
          url: raw.url,
          catalogue: {
            tools: tools.map((name) => ({ name, inputSchema: schema })),
            resources: [...uris, never].map((uri) => ({ uri, name: uri })),
            capabilities: { tools: {}, resources: { subscribe: true } },
          },
        }),
      ],
    });
  const house = await openTestGateway(bundle(1, ['a', 'b']));
  t.after(() => house.close());
  const agent = await legacyAgent(house.url, house.token, {});
  t.after(() => agent.close());
  await agent.call('tools/list');
  await house.upstreams.get('m')!.call({
    method: 'ping',
    params: {},
    peer: { id: 'x', era: 'legacy', capabilities: {}, clientInfo: { name: 'x', version: '' } },
    signal: AbortSignal.timeout(5000),
  });
  const stop = new AbortController();
  t.after(() => stop.abort());

  const quick = await listen(house.url, house.token, uris, stop.signal);
  const first = await until(() => quick[0]);
  assert.deepEqual(first.message.params.notifications.resourceSubscriptions, uris);
  assert.ok(first.at < 1500, `side by side: ${first.at} ms`);

  const slow = await listen(house.url, house.token, [uris[0]!, never], stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await house.apply(bundle(2, ['a']));
  assert.equal(slow.length, 0);
  await until(() => slow.length === 2);
  assert.equal(slow[0]!.message.method, 'notifications/subscriptions/acknowledged');
  assert.deepEqual(slow[0]!.message.params.notifications, { toolsListChanged: true, resourceSubscriptions: [uris[0]] });
  assert.ok(slow[0]!.at < 4000, `${slow[0]!.at} ms`);
  assert.equal(slow[1]!.message.method, 'notifications/tools/list_changed');
  // What comes too late is let go: the agent was told that it is not subscribed.
  release();
  await until(() => raw.got.some(({ message }) => message?.method === 'resources/unsubscribe' && message.params.uri === never));
});
