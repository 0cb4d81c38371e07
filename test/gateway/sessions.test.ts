import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { until } from '../support/upstreams/open.ts';

test('an agent that opens session after session loses the ones that it does not use, by their last use', async (t) => {
  let calls = 0;
  const upstream = await openRpcServer({
    'tools/call': async () => {
      calls++;
      return await new Promise(() => {});
    },
  });
  t.after(() => upstream.close());
  const tools = [{ name: 'hang', inputSchema: { type: 'object' } }];
  let now = Date.now();
  const house = await openTestGateway(makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] }), { now: () => ++now });
  t.after(() => house.close());
  const open = () => legacySession(house.url, house.token);
  const [streams, calling, idle, later] = [await open(), await open(), await open(), await open()];
  const stream = http.get(house.url, {
    headers: { authorization: `Bearer ${house.token}`, accept: 'text/event-stream', ...streams.headers },
    agent: false,
  });
  stream.on('error', () => {});
  t.after(() => stream.destroy());
  await new Promise((resolve) => stream.once('response', resolve));
  void calling.send('tools/call', { name: 'one__hang', arguments: {} }).catch(() => {});
  await until(() => calls === 1);
  for (let more = 0; more < 253; more++) await open();
  const status = async (session: typeof idle) => (await session.send('ping')).status;
  assert.deepEqual([await status(idle), await status(later)], [404, 200], 'the longest unused of the idle ones');
  for (let more = 0; more < 255; more++) await open();
  assert.deepEqual([await status(streams), await status(calling), await status(later)], [200, 200, 404]);
});
