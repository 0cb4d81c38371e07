import assert from 'node:assert/strict';
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
