import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Era } from '../../src/protocol/versions.ts';
import type { KnownEra } from '../../src/upstreams/connection/era.ts';
import { entry, open, text, tool, until } from '../support/upstreams/open.ts';
import { type Handle, json, legacy, result, startRaw } from '../support/upstreams/raw.ts';

const answer: Handle = (message, response) => (message?.method === 'tools/call' ? json(response, result(message.id, 'well')) : false);
const discoverSays =
  (status: number, body: (id: unknown) => unknown): Handle =>
  (message, response, request, raw) =>
    message?.method === 'server/discover'
      ? json(response, body(message.id) ?? '', {}, status)
      : legacy(answer)(message, response, request, raw);
const modernOnly: Handle = (message, response) => {
  if (message?.method === 'initialize')
    return json(
      response,
      { jsonrpc: '2.0', id: message.id, error: { code: -32022, message: 'Unsupported', data: { supported: ['2026-07-28'] } } },
      {},
      400,
    );
  json(response, message?.method === 'server/discover' ? discovered(message.id) : result(message.id, 'well'));
};
const sessions = legacy(answer);
const sessionsOnly: Handle = (message, response, request, raw) =>
  message?.method === 'tools/call' && request.headers['mcp-session-id'] === undefined
    ? json(response, { jsonrpc: '2.0', id: null, error: { code: -32000, message: 'Server not initialized' } }, {}, 400)
    : sessions(message, response, request, raw);
const discovered = (id: unknown, versions = ['2026-07-28']) => ({
  jsonrpc: '2.0',
  id,
  result: { supportedVersions: versions, capabilities: {} },
});
const error = (id: unknown, code: number, data?: object) => ({
  jsonrpc: '2.0',
  id,
  error: { code, message: 'no', ...(data ? { data } : {}) },
});

const rows: [what: string, handle: Handle, expected: Era | 'unauthorized' | 'unreachable' | 'bad-answer'][] = [
  ['a discover result', discoverSays(200, (id) => discovered(id)), 'modern'],
  ['a discover result without our version', discoverSays(200, (id) => discovered(id, ['2027-01-01'])), 'legacy'],
  ['a header mismatch', discoverSays(400, (id) => error(id, -32020)), 'modern'],
  ['a missing capability', discoverSays(400, (id) => error(id, -32021)), 'modern'],
  ['an unsupported version that lists ours', discoverSays(400, (id) => error(id, -32022, { supported: ['2026-07-28'] })), 'modern'],
  ['an unsupported version that does not', discoverSays(400, (id) => error(id, -32022, { supported: ['2025-11-25'] })), 'legacy'],
  ['400 with a legacy error', discoverSays(400, (id) => error(id, -32000)), 'legacy'],
  ['200 with "method not found"', discoverSays(200, (id) => error(id, -32601)), 'legacy'],
  ['404 with a page', discoverSays(404, () => '<html>'), 'legacy'],
  ['405 with nothing', discoverSays(405, () => undefined), 'legacy'],
  ['401', discoverSays(401, () => undefined), 'unauthorized'],
  ['403 with an error', discoverSays(403, (id) => error(id, -32000)), 'unauthorized'],
  ['500', discoverSays(500, () => undefined), 'bad-answer'],
  ['503', discoverSays(503, () => undefined), 'unreachable'],
  ['302', discoverSays(302, () => undefined), 'bad-answer'],
];
for (const [title, handle, expected] of rows)
  test(`${title} means ${expected}`, async (t) => {
    const raw = await startRaw(t, handle);
    const { upstream } = open(t, entry({ url: raw.url }));
    if (expected === 'modern' || expected === 'legacy') {
      assert.equal(text(await upstream.call(tool('x'))), 'well');
      assert.equal(upstream.status().era, expected);
    } else {
      await assert.rejects(upstream.call(tool('x')), { problem: expected });
      assert.ok(!raw.names().includes('initialize'), 'it says nothing of the era');
    }
  });

function verdicts(initial?: KnownEra) {
  let remembered = initial;
  return {
    get: () => remembered,
    set(_key: string, verdict: KnownEra) {
      remembered = verdict;
    },
    drop() {
      remembered = undefined;
    },
  };
}
const day = 86_400_000;

for (const [title, era, verdict, handle, methods] of [
  ['a stated era is not questioned', 'legacy', undefined, legacy(answer), ['initialize']],
  ['a remembered legacy saves the probe', 'auto', { era: 'legacy', at: 10 * day }, legacy(answer), ['initialize']],
  ['a verdict older than a day is asked anew', 'auto', { era: 'legacy', at: 9 * day - 1 }, modernOnly, ['server/discover']],
  ['a verdict from the future is not believed', 'auto', { era: 'legacy', at: 11 * day }, modernOnly, ['server/discover']],
  ['a remembered modern needs no probe either', 'auto', { era: 'modern', at: 10 * day }, modernOnly, []],
  ['a legacy server that became modern', 'auto', { era: 'legacy', at: 10 * day }, modernOnly, ['initialize', 'server/discover']],
  ['a modern server that became legacy', 'auto', { era: 'modern', at: 10 * day }, sessionsOnly, ['server/discover', 'initialize']],
] as const)
  test(title, async (t) => {
    const raw = await startRaw(t, handle);
    const remembered = verdicts(verdict);
    const { upstream } = open(t, entry({ url: raw.url, era }), {}, { verdicts: remembered, now: () => 10 * day + 5 });
    assert.equal(text(await upstream.call(tool('x'))), 'well');
    assert.deepEqual(
      raw.names().filter((name) => name === 'initialize' || name === 'server/discover'),
      methods,
    );
    if (era === 'auto') assert.equal(remembered.get()!.era, upstream.status().era);
    else assert.equal(remembered.get(), undefined);
  });

test('a server stated to be modern that is not says so', async (t) => {
  const raw = await startRaw(t, legacy(answer));
  const { upstream } = open(t, entry({ url: raw.url, era: 'modern' }));
  await assert.rejects(upstream.call(tool('x')), /does not speak protocol 2026-07-28/);
});

for (const [from, to] of [
  [modernOnly, sessionsOnly],
  [legacy(answer), modernOnly],
] as const)
  test('an upstream replaced by one of the other era while connected is found out', async (t) => {
    let handle: Handle = from;
    const raw = await startRaw(t, (message, response, request, self) => {
      // The new server knows nothing of sessions of the old one.
      if (handle === to && request.headers['mcp-session-id'] === 's1') return void response.writeHead(404).end();
      handle(message, response, request, self);
    });
    let now = 0;
    const { upstream } = open(t, entry({ url: raw.url }), {}, { now: () => now });
    await upstream.call(tool('x'));
    const before = upstream.status().era;
    handle = to;
    await assert.rejects(upstream.call(tool('x')));
    now += 60_000;
    assert.equal(text(await upstream.call(tool('x'))), 'well');
    assert.notEqual(upstream.status().era, before);
  });

/** A server that is legacy until it is upgraded; it answers `initialize` then as well. */
async function startUpgradable(t: Parameters<typeof startRaw>[0]) {
  const both: Handle = (message, response, request, self) =>
    message?.method === 'tools/call' && message.params._meta?.['io.modelcontextprotocol/protocolVersion']
      ? json(response, result(message.id, 'modern'))
      : message?.method === 'server/discover' && upgraded()
        ? json(response, discovered(message.id))
        : waitingOr(message, response, request, self);
  let now = 1_000_000;
  let since = Number.POSITIVE_INFINITY;
  const upgraded = () => now >= since;
  let release = () => {};
  const waitingOr = legacy((message, response) => {
    if (message?.method !== 'tools/call') return false;
    const done = () => json(response, result(message.id, 'legacy'));
    if (message.params.name === 'wait') release = done;
    else done();
  });
  const raw = await startRaw(t, both);
  const opened = open(t, entry({ url: raw.url }), { probeMs: 300 }, { now: () => now });
  return {
    ...opened,
    raw,
    release: () => release(),
    later(ms: number) {
      now += ms;
    },
    upgrade() {
      since = now;
    },
    probes: () => raw.names().filter((name) => name === 'server/discover').length,
  };
}

test('a server that was upgraded while its legacy connection lives is found out after a day', async (t) => {
  const { upstream, later, upgrade, probes } = await startUpgradable(t);
  assert.equal(text(await upstream.call(tool('x'))), 'legacy');
  upgrade();
  later(day - 1);
  assert.equal(text(await upstream.call(tool('x'))), 'legacy');
  later(1);
  const three = await Promise.all(['x', 'y', 'z'].map((name) => upstream.call(tool(name))));
  assert.deepEqual(three.map(text), ['modern', 'modern', 'modern']);
  assert.equal(upstream.status().era, 'modern');
  assert.equal(probes(), 2, 'asked once for all');
});

test('one that is still what it was keeps its connection, and one that is busy is not asked', async (t) => {
  const { upstream, raw, later, upgrade, release, probes } = await startUpgradable(t);
  await upstream.call(tool('x'));
  later(day);
  assert.equal(text(await upstream.call(tool('x'))), 'legacy');
  assert.equal(probes(), 2);
  assert.equal(raw.names().filter((name) => name === 'initialize').length, 1, 'its session goes on');
  later(day);
  upgrade();
  later(-day);
  const waiting = upstream.call(tool('wait'));
  await until(() => raw.names().filter((name) => name === 'tools/call').length === 3);
  later(day);
  assert.equal(text(await upstream.call(tool('x'))), 'legacy', 'beside a call in flight all stays as it is');
  release();
  assert.equal(text(await waiting), 'legacy');
  assert.equal(text(await upstream.call(tool('x'))), 'modern');
});
