import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entry, legacySession, makeBundle, openTestGateway, post } from '../support/gateway.ts';
import { until } from '../support/upstreams/open.ts';
import { json, type Message, startRaw } from '../support/upstreams/raw.ts';

/** A modern server that is not ready yet: a state to come back with, and no question, until `rounds` were made. */
async function start(t: Parameters<typeof startRaw>[0], rounds: number) {
  const at: number[] = [];
  const states: unknown[] = [];
  const raw = await startRaw(t, (message: Message, response) => {
    const answer = (result: object) => json(response, { jsonrpc: '2.0', id: message.id, result });
    if (message.method === 'server/discover') return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} } });
    at.push(performance.now());
    states.push(message.params.requestState);
    if (at.length <= rounds) return answer({ resultType: 'input_required', requestState: `round ${at.length}` });
    answer({ resultType: 'complete', content: [{ type: 'text', text: 'ready' }] });
  });
  const house = await openTestGateway(
    makeBundle({ servers: [entry({ id: 'one', url: raw.url, era: 'modern', tools: [{ name: 'get' }] })] }),
  );
  t.after(() => house.close());
  return { house, at, states };
}

test('a server that asks to come back, without a question, is given time: 100 ms, doubled each time', async (t) => {
  const { house, at, states } = await start(t, 4);
  const session = await legacySession(house.url, house.token);
  const answer = await session.send('tools/call', { name: 'one__get', arguments: {} });
  assert.match(answer.text, /ready/);
  assert.deepEqual(states, [undefined, 'round 1', 'round 2', 'round 3', 'round 4']);
  const pauses = at.slice(1).map((time, index) => time - at[index]!);
  for (const [index, least] of [100, 200, 400, 800].entries()) assert.ok(pauses[index]! >= least - 5, `${pauses}`);
});

test('who cancels meanwhile does not come back', async (t) => {
  const { house, at } = await start(t, 99);
  const session = await legacySession(house.url, house.token);
  const call = session.send('tools/call', { name: 'one__get', arguments: {} });
  await until(() => at.length === 3);
  const params = { requestId: 1, reason: 'enough' };
  await post(house.url, house.token, { jsonrpc: '2.0', method: 'notifications/cancelled', params }, session.headers);
  await call;
  const { length } = at;
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(at.length, length);
});
