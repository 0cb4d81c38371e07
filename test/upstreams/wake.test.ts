import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, type Handle, json, legacy, type Raw, result, sse, startRaw } from '../support/upstreams/raw.ts';
import { openStalling } from '../support/upstreams/stalling.ts';

/** A machine that slept: its connections are dead and nobody has said so. */

const uri = 'a://1';
const updated = { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri } };

/** Two eras of one server: streams on which it tells of updates, and calls of `wait` that end when the test says so. */
const eras: [string, (waiting: (() => void)[], streams: Set<ServerResponse>) => Handle][] = [
  [
    'legacy',
    (waiting) =>
      legacy((message, response) => (message?.method === 'tools/call' ? answer(message, response, waiting) : false), { stream: true }),
  ],
  [
    'modern',
    (waiting, streams) => (message, response) => {
      const { id, method, params } = message;
      if (method === 'server/discover') return json(response, { jsonrpc: '2.0', id, result: { supportedVersions: ['2026-07-28'] } });
      if (method === 'tools/call') return answer(message, response, waiting);
      streams.add(sse(response));
      response.on('close', () => streams.delete(response));
      response.write(event({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }));
    },
  ],
];
function answer(message: { id: unknown; params: { name: string } }, response: ServerResponse, waiting: (() => void)[]) {
  const done = () => json(response, result(message.id, 'done'));
  if (message.params.name === 'wait') waiting.push(done);
  else done();
}

for (const [era, handle] of eras) {
  const start = async (t: TestContext) => {
    const waiting: (() => void)[] = [];
    const listening = new Set<ServerResponse>();
    const raw: Raw = await startRaw(t, handle(waiting, listening));
    const streams = era === 'legacy' ? raw.streams : listening;
    const way = await openStalling(t, raw.url);
    return { ...open(t, entry({ url: way.url, timeoutMs: 1000 })), way, waiting, streams };
  };

  test(`${era}: after a sleep the next call goes over a new connection`, async (t) => {
    const { upstreams, upstream, way } = await start(t);
    await upstream.call(tool('x'));
    way.stall();
    upstreams.wake();
    assert.equal(text(await upstream.call(tool('x'))), 'done');
  });

  test(`${era}: what is under way and could still end well does`, async (t) => {
    const { upstreams, upstream, waiting } = await start(t);
    const call = upstream.call(tool('wait'));
    await until(() => waiting.length === 1);
    upstreams.wake();
    assert.equal(text(await upstream.call(tool('x'))), 'done');
    waiting[0]!();
    assert.equal(text(await call), 'done');
  });

  test(`${era}: updates come again on a new stream`, async (t) => {
    const { upstreams, upstream, way, streams, updates } = await start(t);
    await upstream.subscribe(uri, peer());
    await until(() => streams.size === 1);
    way.stall();
    const [dead] = streams;
    upstreams.wake();
    const fresh = await until(() => [...streams].find((candidate) => candidate !== dead));
    fresh.write(event(updated));
    await until(() => updates.length === 1);
    assert.deepEqual(updates, [{ uri }]);
  });
}

test('a server that has not noticed that its stream is gone is asked again until it has', async (t) => {
  let refuse = false;
  const raw: Raw = await startRaw(
    t,
    legacy(
      (message, response, request) => {
        if (request.method === 'GET' && refuse) return void response.writeHead(409).end();
        return message?.method === 'tools/call' ? json(response, result(message.id, 'done')) : false;
      },
      { stream: true },
    ),
  );
  const { upstreams, upstream } = open(t, entry({ url: raw.url }));
  await upstream.call(tool('x'));
  await until(() => raw.streams.size === 1);
  refuse = true;
  upstreams.wake();
  await until(() => raw.streams.size === 0 && raw.names().filter((name) => name === 'GET').length > 1);
  refuse = false;
  await until(() => raw.streams.size === 1);
});
