import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/demo.ts';
import { entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

type House = Awaited<ReturnType<typeof openTestGateway>>;
const tools = [{ name: 'slow', inputSchema: { type: 'object' } }];

/** Opens a stream and keeps what arrives on it. */
function open(house: House, options: { method?: string; headers: Record<string, string>; body?: unknown }) {
  let text = '';
  let ended = false;
  const request = http.request(house.url, {
    method: options.method ?? 'GET',
    headers: {
      authorization: `Bearer ${house.token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...options.headers,
    },
    agent: false,
  });
  request.on('response', (response) => {
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('error', () => {});
    response.on('end', () => {
      ended = true;
    });
  });
  request.on('error', () => {});
  request.end(options.body === undefined ? undefined : JSON.stringify(options.body));
  return {
    text: () => text,
    ended: () => ended,
    ids: () => [...text.matchAll(/^id: (.+)$/gm)].map((match) => match[1]!),
    messages: () => [...text.matchAll(/^data: (\{.*)$/gm)].map((match) => JSON.parse(match[1]!) as Record<string, unknown>),
    breakOff: () => request.destroy(),
  };
}

async function openSlow(t: { after(fn: () => unknown): void }, options: { dataDir?: string } = {}) {
  let finish = () => {};
  const upstream = await openRpcServer({
    'tools/call': async (asked, { notify }) => {
      const token = (asked.params['_meta'] as { progressToken?: unknown } | undefined)?.progressToken;
      notify('notifications/progress', { progressToken: token, progress: 1 });
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      notify('notifications/progress', { progressToken: token, progress: 2 });
      return { content: [{ type: 'text', text: 'done' }] };
    },
  });
  t.after(() => upstream.close());
  const bundle = makeBundle({ servers: [entry({ id: 'one', url: upstream.url, tools })] });
  const house = await openTestGateway(bundle, options);
  t.after(() => house.close());
  return { house, finish: () => finish(), upstream, bundle };
}

test('an answer whose connection broke is not lost: the call went on, and its rest comes with Last-Event-ID', async (t) => {
  const { house, finish, upstream } = await openSlow(t);
  const session = await legacySession(house.url, house.token);
  const first = open(house, {
    method: 'POST',
    headers: session.headers,
    body: { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'one__slow', arguments: {}, _meta: { progressToken: 'p' } } },
  });
  await eventually(() => (first.messages().length > 0 ? true : undefined), 'the first progress');
  const last = first.ids().at(-1)!;
  first.breakOff();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const early = open(house, { headers: { ...session.headers, 'last-event-id': last } });
  finish();
  await eventually(() => (early.messages().length === 2 ? true : undefined), 'the rest of the answer');
  assert.deepEqual(
    early.messages().map((message) => [message['method'] ?? message['id'], (message['params'] as { progress?: number })?.progress]),
    [
      ['notifications/progress', 2],
      [5, undefined],
    ],
  );
  const again = open(house, { headers: { ...session.headers, 'last-event-id': last } });
  await eventually(() => (again.messages().length === 2 ? true : undefined), 'the same once more, from what is kept');
  assert.deepEqual(again.messages(), early.messages());
  assert.equal(upstream.seen.filter(({ method }) => method === 'tools/call').length, 1, 'the upstream was asked once');
});

test('what was announced while the stream was broken comes with the next one; an unknown id begins a new one', async (t) => {
  const { house } = await openSlow(t);
  const session = await legacySession(house.url, house.token);
  await session.send('tools/list');
  const first = open(house, { headers: session.headers });
  await eventually(() => first.ids()[0], 'an id to come back with');
  first.breakOff();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await house.apply(makeBundle({ version: 2, servers: [entry({ id: 'one', url: 'http://127.0.0.1:9/mcp', tools: [] })] }));
  const second = open(house, { headers: { ...session.headers, 'last-event-id': first.ids().at(-1)! } });
  await eventually(() => (second.text().includes('tools/list_changed') ? true : undefined), 'the announcement');
  const other = open(house, { headers: { ...session.headers, 'last-event-id': 'zz-7' } });
  await eventually(() => other.ids()[0], 'a stream all the same');
  assert.equal(other.messages().length, 0);
  other.breakOff();
  second.breakOff();
});

const slow = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'one__slow', arguments: {}, _meta: { progressToken: 'p' } } };

test("an event id of before a restart takes no other stream's answer away", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'gatehouse-resume-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const { house, finish, bundle } = await openSlow(t, { dataDir });
  const session = await legacySession(house.url, house.token);
  const before = open(house, { method: 'POST', headers: session.headers, body: slow });
  const stale = await eventually(() => before.ids()[0], 'an id of before');
  before.breakOff();
  finish();
  await house.close();
  const again = await openTestGateway(bundle, { dataDir, token: house.token });
  t.after(() => again.close());
  const call = open(again, { method: 'POST', headers: session.headers, body: slow });
  await eventually(() => (call.messages().length > 0 ? true : undefined), 'the first progress');
  const other = open(again, { headers: { ...session.headers, 'last-event-id': stale } });
  await eventually(() => other.ids()[0], 'a stream of its own');
  finish();
  await eventually(() => call.messages().find(({ id }) => id === 5), 'the answer where it was asked for');
  assert.equal(other.messages().filter(({ id }) => id === 5).length, 0);
  other.breakOff();
});

test('a stream that is resumed elsewhere ends where it was', async (t) => {
  const { house, finish } = await openSlow(t);
  const session = await legacySession(house.url, house.token);
  const first = open(house, { method: 'POST', headers: session.headers, body: slow });
  await eventually(() => (first.messages().length > 0 ? true : undefined), 'the first progress');
  const second = open(house, { headers: { ...session.headers, 'last-event-id': first.ids().at(-1)! } });
  await eventually(() => first.ended() || undefined, 'the end of the first');
  finish();
  await eventually(() => second.messages().find(({ id }) => id === 5), 'the answer on the second');
});

test("another agent's event id opens nothing of it", async (t) => {
  const { house, finish } = await openSlow(t);
  const session = await legacySession(house.url, house.token);
  const first = open(house, {
    method: 'POST',
    headers: session.headers,
    body: { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'one__slow', arguments: {}, _meta: { progressToken: 'p' } } },
  });
  await eventually(() => (first.messages().length > 0 ? true : undefined), 'the first progress');
  const { token } = await house.agents.add('Other');
  const own = await legacySession(house.url, token);
  const stolen = open(house, { headers: { ...own.headers, authorization: `Bearer ${token}`, 'last-event-id': first.ids()[0]! } });
  finish();
  await eventually(() => (first.messages().length === 3 ? true : undefined), 'the answer where it belongs');
  assert.equal(stolen.messages().length, 0);
  stolen.breakOff();
});
