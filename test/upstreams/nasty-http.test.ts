import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { UpstreamProblem } from '../../src/upstreams/upstream.ts';
import { UpstreamError } from '../../src/upstreams/upstream.ts';
import { behaviours } from '../support/upstreams/nasty.ts';
import { entry, open, text, tool } from '../support/upstreams/open.ts';
import { event, json, legacy, type Message, result, sse, startRaw } from '../support/upstreams/raw.ts';

const elsewhere = { hit: 0 };

const rows: [name: string, problem: UpstreamProblem, words: RegExp][] = [
  ['hang', 'timed-out', /0\.2 s/],
  ['hang-after-head', 'timed-out', /0\.2 s/],
  ['die', 'closed', /connection broke/],
  ['die-in-the-body', 'closed', /connection broke/],
  ['stream-ends', 'closed', /stream ended/],
  ['not-json', 'bad-answer', /not JSON/],
  ['event-not-json', 'bad-answer', /not JSON/],
  ['no-object', 'bad-answer', /no JSON-RPC/],
  ['wrong-id', 'bad-answer', /something else/],
  ['neither-result-nor-error', 'bad-answer', /neither/],
  ['result-no-object', 'bad-answer', /neither/],
  ['empty', 'bad-answer', /empty/],
  ['huge', 'too-large', /100000 bytes/],
  ['huge-event', 'too-large', /100000 bytes/],
  ['endless-line', 'too-large', /100000 bytes/],
  ['flood', 'too-large', /flood/],
  ['redirect', 'bad-answer', /redirects are followed within its own origin only/],
  ['unauthorized', 'unauthorized', /401/],
  ['forbidden', 'unauthorized', /403/],
  ['broken', 'bad-answer', /HTTP 500/],
];

for (const era of ['legacy', 'modern'] as const)
  for (const [name, problem, words] of rows)
    test(`${era}: an upstream that does "${name}" fails that call with ${problem} and serves the next`, async (t) => {
      const answer = (message: Message, response: ServerResponse) => {
        if (message?.method !== 'tools/call') return false;
        const behaviour = behaviours[message.params.name];
        if (behaviour) behaviour(message, response);
        else json(response, result(message.id, 'well'));
      };
      const raw = await startRaw(t, (message, response, request, self) => {
        if (request.url === '/elsewhere') elsewhere.hit++;
        if (era === 'legacy') return legacy(answer)(message, response, request, self);
        if (message?.method === 'server/discover')
          return json(response, { jsonrpc: '2.0', id: message.id, result: { supportedVersions: ['2026-07-28'], capabilities: {} } });
        answer(message, response);
      });
      const { upstream } = open(t, entry({ url: raw.url, timeoutMs: name.startsWith('hang') ? 200 : 20_000 }), {
        messageBytes: 100_000,
        messagesPerCall: 1000,
      });
      await assert.rejects(upstream.call(tool(name)), (error) => {
        assert.ok(error instanceof UpstreamError);
        assert.deepEqual([error.problem, words.test(error.message)], [problem, true], error.message);
        return true;
      });
      assert.equal(text(await upstream.call(tool('well', {}, { timeoutMs: 20_000 }))), 'well');
      assert.equal(upstream.status().state, 'connected');
      assert.equal(elsewhere.hit, 0);
    });

test('an upstream that hangs does not slow another down, nor does its flood', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      behaviours[message.params.name === 'flood' ? 'flood' : 'hang']!(message, response);
    }),
  );
  const well = await startRaw(
    t,
    legacy((message, response) => (message?.method === 'tools/call' ? json(response, result(message.id, 'well')) : false)),
  );
  const nasty = open(t, entry({ id: 'one', url: raw.url, timeoutMs: 60_000 }), { connections: 4 });
  const healthy = open(t, entry({ id: 'two', url: well.url }));
  const stop = new AbortController();
  const hanging = ['hang', 'hang', 'hang', 'hang', 'flood'].map((name) => nasty.upstream.call(tool(name, {}, { signal: stop.signal })));
  for (let call = 0; call < 100; call++) assert.equal(text(await healthy.upstream.call(tool('well'))), 'well');
  stop.abort();
  for (const outcome of await Promise.allSettled(hanging)) assert.equal(outcome.status, 'rejected');
});

test('a busy upstream makes calls fail at once with when the next attempt is, and is forgiven on its first answer', async (t) => {
  let busy = true;
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      if (busy) response.writeHead(503).end();
      else json(response, result(message.id, 'well'));
    }),
  );
  let now = 1_000_000;
  const { upstream, statuses } = open(t, entry({ url: raw.url }), {}, { now: () => now });
  await assert.rejects(upstream.call(tool('x')), /HTTP 503/);
  assert.equal(upstream.status().state, 'backing-off');
  const before = raw.got.length;
  await assert.rejects(upstream.call(tool('x')), { problem: 'unreachable', message: /HTTP 503; the next attempt is in 1 s/ });
  assert.equal(raw.got.length, before, 'nothing was sent while waiting');
  busy = false;
  now += 60_000;
  assert.equal(upstream.status().state, 'backing-off', 'that the pause is over is no answer yet');
  assert.equal(text(await upstream.call(tool('x'))), 'well');
  assert.deepEqual(
    statuses.map((status) => status.state),
    ['connecting', 'connected', 'backing-off', 'connected'],
  );
});

test('a stream that drips is waited for as long as it makes progress', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      sse(response);
      const { progressToken } = message.params._meta;
      const bytes = [1, 2, 3, 4]
        .map((progress) => event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress } }))
        .concat(event(result(message.id, 'grüßt')))
        .join('');
      const buffer = Buffer.from(bytes);
      let at = 0;
      const drip = setInterval(() => {
        response.write(buffer.subarray(at, at + 3));
        at += 3;
        if (at >= buffer.length) {
          clearInterval(drip);
          response.end();
        }
      }, 8);
    }),
  );
  const { upstream } = open(t, entry({ url: raw.url, timeoutMs: 1000 }));
  const seen: unknown[] = [];
  assert.equal(text(await upstream.call(tool('x', {}, { onProgress: ({ progress }) => seen.push(progress) }))), 'grüßt');
  assert.deepEqual(seen, [1, 2, 3, 4]);
});
