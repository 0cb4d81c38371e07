import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway, post } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { until } from '../support/upstreams/open.ts';

test('with its credential an agent loses the calls that it has under way, in either era', async () => {
  let begun = 0;
  const upstream = await openRpcServer({
    'tools/call': async () => {
      begun++;
      await new Promise((resolve) => setTimeout(resolve, 10_000).unref());
      return { content: [{ type: 'text', text: 'too late' }] };
    },
  });
  const tools = [{ name: 'slow', inputSchema: { type: 'object' } }];
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }));
  try {
    const { token } = await house.agents.add('Gone');
    const session = await legacySession(house.url, token);
    const stays = await legacySession(house.url, house.token);
    const params = { name: 'one__slow', arguments: {} };
    const start = Date.now();
    const calls = [session.send('tools/call', params), modernRequest(house.url, token, 'tools/call', params)];
    let others = 'waiting';
    void stays.send('tools/call', params).then(
      () => {
        others = 'ended';
      },
      () => {},
    );
    await until(() => begun === 3);
    house.agents.revoke('Gone');
    house.gateway.dismiss('Gone');
    for (const answer of await Promise.all(calls)) assert.doesNotMatch(answer.text, /too late/);
    assert.ok(Date.now() - start < 5000);
    assert.equal(others, 'waiting');
    assert.equal((await post(house.url, token, { jsonrpc: '2.0', id: 1, method: 'ping' }, session.headers)).status, 401);
  } finally {
    await house.close();
    await upstream.close();
  }
});

test('a request whose body arrives after its agent was revoked carries no call', async () => {
  let begun = 0;
  const upstream = await openRpcServer({
    'tools/call': async () => {
      begun++;
      return { content: [] };
    },
  });
  const tools = [{ name: 'touch', inputSchema: { type: 'object' } }];
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }));
  try {
    const { token } = house.agents.add('Gone');
    const session = await legacySession(house.url, token);
    const message = { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'one__touch', arguments: {} } };
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'robot', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const common = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
    const held = await Promise.all(
      [
        { headers: { ...common, ...session.headers }, body: message },
        {
          headers: { ...common, 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'one__touch' },
          body: { ...message, params: { ...message.params, _meta: meta } },
        },
      ].map(async ({ headers, body }) => {
        const text = JSON.stringify(body);
        const request = http.request(house.url, { method: 'POST', agent: false, headers: { ...headers, 'content-length': text.length } });
        const answered = once(request, 'response');
        request.write(text.slice(0, -1));
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { finish: () => request.end(text.slice(-1)), answered };
      }),
    );
    house.agents.revoke('Gone');
    house.gateway.dismiss('Gone');
    for (const { finish } of held) finish();
    const statuses = [];
    for (const [response] of (await Promise.all(held.map(({ answered }) => answered))) as [http.IncomingMessage][]) {
      statuses.push(response.statusCode);
      response.resume();
    }
    assert.deepEqual([begun, statuses], [0, [401, 401]]);
  } finally {
    await house.close();
    await upstream.close();
  }
});

test('what is still to come of a long batch is not begun once its agent was revoked', async () => {
  let begun = 0;
  const upstream = await openRpcServer({
    'tools/call': async () => {
      begun++;
      return { content: [] };
    },
  });
  const tools = [{ name: 'touch', inputSchema: { type: 'object' } }];
  const clock = { now: Date.now(), slow: false };
  const now = () => {
    // So that the way through the batch has pauses on a fast machine, too.
    for (const from = performance.now(); clock.slow && performance.now() - from < 1; );
    return clock.now;
  };
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }), { now });
  try {
    const { token } = house.agents.add('Gone');
    const params = { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'batching', version: '1' } };
    const opened = await post(house.url, token, { jsonrpc: '2.0', id: 0, method: 'initialize', params });
    clock.now += 5_000;
    // In the first pause of the way through the batch.
    house.agents.watch(({ kind }) => {
      if (kind === 'seen') setImmediate(() => house.agents.revoke('Gone'));
    });
    clock.slow = true;
    const touch = { name: 'one__touch', arguments: {} };
    const batch = Array.from({ length: 100 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: touch }));
    const { text } = await post(house.url, token, batch as never, { 'mcp-session-id': String(opened.headers['mcp-session-id']) });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(begun < 20, `${begun} calls`);
    assert.ok(text.match(/The session has ended/g)!.length > 80);
  } finally {
    await house.close();
    await upstream.close();
  }
});
