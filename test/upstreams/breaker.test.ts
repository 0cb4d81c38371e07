import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { entry, open, text, tool, until } from '../support/upstreams/open.ts';
import { json, legacy, type Message, result, startRaw } from '../support/upstreams/raw.ts';

/** A server whose calls end as the test says at the time. */
async function moody(t: Parameters<typeof startRaw>[0], era: 'legacy' | 'modern') {
  const mood = { calls: 0, answer: (message: Message, response: ServerResponse) => json(response, result(message.id, 'well')) };
  const handle = (message: Message, response: ServerResponse) => {
    if (message?.method !== 'tools/call') return false;
    mood.calls++;
    mood.answer(message, response);
  };
  const raw = await startRaw(t, (message, response, request, self) => {
    if (era === 'legacy') return legacy(handle)(message, response, request, self);
    if (message?.method === 'server/discover')
      return json(response, { jsonrpc: '2.0', id: message.id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } });
    handle(message, response);
  });
  return { raw, mood };
}
const broken = (_message: Message, response: ServerResponse) => void response.writeHead(500).end();
const well = (message: Message, response: ServerResponse) => json(response, result(message.id, 'well'));

for (const era of ['legacy', 'modern'] as const)
  test(`${era}: five failures in a row open the circuit, one call tries it, its success closes it`, async (t) => {
    const { raw, mood } = await moody(t, era);
    let now = 0;
    const { upstream, statuses } = open(t, entry({ url: raw.url }), {}, { now: () => now });
    mood.answer = broken;
    for (let call = 1; call <= 5; call++) {
      assert.notEqual(upstream.status().state, 'backing-off');
      await assert.rejects(upstream.call(tool('x')), { problem: 'bad-answer' });
    }
    const { state, error, retryAt } = upstream.status();
    assert.deepEqual([state, error], ['backing-off', '5 calls in a row failed, the last with: it answered HTTP 500']);
    await assert.rejects(upstream.call(tool('x')), { problem: 'unreachable', message: /next attempt is in 1 s/ });
    assert.equal(mood.calls, 5);

    now = retryAt!;
    await assert.rejects(upstream.call(tool('x')), { problem: 'bad-answer' });
    assert.equal(mood.calls, 6);
    assert.ok(upstream.status().retryAt! - now >= 500, 'twice as long as before');
    await assert.rejects(upstream.call(tool('x')), { problem: 'unreachable' });

    now = upstream.status().retryAt!;
    const held: (() => void)[] = [];
    mood.answer = (message, response) => void held.push(() => well(message, response));
    const calls = [1, 2, 3, 4].map(() => upstream.call(tool('x')));
    await until(() => held.length === 1);
    assert.equal(mood.calls, 7, 'one call tries it');
    mood.answer = well;
    held[0]!();
    assert.deepEqual((await Promise.all(calls)).map(text), ['well', 'well', 'well', 'well']);
    assert.equal(mood.calls, 10);
    assert.equal(statuses.at(-1)!.state, 'connected');
    mood.answer = broken;
    await assert.rejects(upstream.call(tool('x')), { problem: 'bad-answer' });
    assert.equal(upstream.status().state, 'connected', 'it counts from the beginning again');
  });

test('the calls that wait for the one that tries it share its failure, and are free where it was cancelled', async (t) => {
  const { raw, mood } = await moody(t, 'legacy');
  let now = 0;
  const { upstream } = open(t, entry({ url: raw.url }), {}, { now: () => now });
  mood.answer = broken;
  for (let call = 1; call <= 5; call++) await assert.rejects(upstream.call(tool('x')));
  const held: (() => void)[] = [];
  const hold = (message: Message, response: ServerResponse) => void held.push(() => broken(message, response));
  mood.answer = hold;
  now = upstream.status().retryAt!;
  const stop = new AbortController();
  const leaving = upstream.call(tool('x', {}, { signal: stop.signal }));
  const next = upstream.call(tool('x'));
  const last = upstream.call(tool('x'));
  await until(() => held.length === 1);
  stop.abort();
  await assert.rejects(leaving, { problem: 'cancelled' });
  await until(() => held.length === 2);
  held[1]!();
  await assert.rejects(next, { problem: 'bad-answer' });
  await assert.rejects(last, { problem: 'unreachable', message: /next attempt/ });
  assert.equal(mood.calls, 7);
});

test('one tool that fails among others that answer, a refused credential and an error of the tool open nothing', async (t) => {
  const { raw, mood } = await moody(t, 'legacy');
  const { upstream } = open(t, entry({ url: raw.url }));
  for (let round = 0; round < 10; round++) {
    mood.answer = broken;
    await assert.rejects(upstream.call(tool('x')));
    mood.answer = well;
    await upstream.call(tool('x'));
  }
  mood.answer = (_message, response) => void response.writeHead(401).end();
  for (let call = 0; call < 10; call++) await assert.rejects(upstream.call(tool('x')), { problem: 'unauthorized' });
  mood.answer = (message, response) => json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32603, message: 'no' } });
  for (let call = 0; call < 10; call++) assert.ok('error' in (await upstream.call(tool('x'))));
  assert.equal(upstream.status().state, 'connected');
});
