// Secrets of people under attack: by servers that repeat them, by bundles that put them elsewhere, and in the moments in which they change.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerEntry } from '../../src/bundle/schema.ts';
import type { Link } from '../../src/upstreams/connection/link.ts';
import { openOutdated } from '../../src/upstreams/connection/outdated.ts';
import type { UpstreamsOptions } from '../../src/upstreams/pool.ts';
import type { UpstreamError } from '../../src/upstreams/upstream.ts';
import { memoryVault } from '../support/host.ts';
import { ann, secretsOver, wants } from '../support/secrets.ts';
import { entry, open as openUpstream, peer, text, tool, until } from '../support/upstreams/open.ts';
import { event, json, legacy, result, sse, startRaw } from '../support/upstreams/raw.ts';

const program = join(import.meta.dirname, '../support/upstreams/stdio-server.ts');
const key = 'k-1234567890-abcdef';
const bobsKey = `${key}-bob`;
const bob: typeof ann = [ann[0], ann[1], ann[2], 'bob'];
const inHeader = [wants('x-key', { in: 'header', name: 'X-Key' })];
const inEnvironment = [wants('key', { in: 'environment', name: 'API_KEY' })];

function open(t: TestContext, server: ServerEntry, more: Partial<UpstreamsOptions> = {}, vault = memoryVault()) {
  const made = secretsOver(vault);
  const opened = openUpstream(t, server, {}, { secrets: made.secrets, credentials: made.credentials, person: () => 'ann', ...more });
  made.whose.upstreams = opened.upstreams;
  return { ...made, ...opened, vault };
}

/** Both have a key of their own for the server. */
async function openForTwo(t: TestContext, server: ServerEntry, more: Partial<UpstreamsOptions> = {}) {
  const opened = open(t, server, more);
  const { name } = server.secrets[0]!;
  opened.whose.scope = bob;
  await opened.secrets.set(server, name, bobsKey);
  opened.whose.scope = ann;
  await opened.secrets.set(server, name, key);
  return opened;
}

test('somebody else who comes while a session begins does not get it, and a call that waited for it is not made as theirs', async (t) => {
  const held: (() => void)[] = [];
  const usual = legacy((message, response, request) => {
    if (message?.method !== 'tools/call') return false;
    json(response, result(message.id, `${request.headers['mcp-session-id']}`));
  });
  const raw = await startRaw(t, (message, response, request, self) => {
    const go = () => usual(message, response, request, self);
    if (message?.method === 'initialize' && request.headers['x-key'] === key) held.push(go);
    else go();
  });
  const { upstream, whose } = await openForTwo(t, entry({ url: raw.url, era: 'legacy', secrets: inHeader }));
  const anns = upstream.call(tool('anns')).catch((error: UpstreamError) => error.message);
  await until(() => held.length > 0);
  whose.scope = bob;
  const bobs = upstream.call(tool('bobs'));
  await pause(20);
  for (const go of held) go();
  assert.equal(text(await bobs), 's2');
  assert.equal(await anns, 'another person is signed in now');
  const calls = raw.got.filter(({ message }) => message?.method === 'tools/call');
  assert.deepEqual(
    calls.map(({ headers, message }) => [message.params.name, headers['mcp-session-id'], headers['x-key']]),
    [['bobs', 's2', bobsKey]],
  );
  for (const { headers } of raw.got) if (headers['mcp-session-id'] === 's1') assert.equal(headers['x-key'], key);
});

test("a call that is refused with 401 is not made again with somebody else's secret", async (t) => {
  const refusals: (() => void)[] = [];
  const refuse = () => {
    for (const one of refusals.splice(0)) one();
  };
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      refusals.push(() => void response.writeHead(401).end());
    }),
  );
  const server = entry({ url: raw.url, era: 'legacy', secrets: inHeader });
  const { upstream, whose, secrets } = await openForTwo(t, server);
  const anns = upstream.call(tool('anns')).catch((error: UpstreamError) => error.problem);
  await until(() => raw.names().includes('tools/call'));
  whose.scope = bob;
  assert.equal(await secrets.lacking(server), undefined, 'his is at hand');
  refuse();
  await pause(20);
  refuse();
  assert.equal(await anns, 'unauthorized');
  assert.deepEqual([...new Set(raw.got.map(({ headers }) => headers['x-key']))], [key]);
});

test("nobody subscribes on another person's session", async (t) => {
  const raw = await startRaw(
    t,
    legacy(() => false),
  );
  const { upstream, whose } = await openForTwo(t, entry({ url: raw.url, era: 'legacy', secrets: inHeader }));
  await upstream.call(tool('x'));
  whose.scope = bob;
  await upstream.subscribe('a://1', peer());
  const asked = raw.got.filter(({ message }) => message?.method === 'resources/subscribe');
  assert.deepEqual(
    asked.map(({ headers }) => [headers['mcp-session-id'], headers['x-key']]),
    [['s2', bobsKey]],
  );
});

test('a process that goes on with an older secret is not for the next person either, nor for anybody once the secret is removed', async (t) => {
  const server = entry({ launch: { command: 'node', args: [program], env: {} }, secrets: inEnvironment });
  const { upstream, whose, secrets } = await openForTwo(t, server);
  await upstream.call(tool('echo'));
  const stop = new AbortController();
  const running = upstream.call(tool('hang', {}, { signal: stop.signal })).catch((error: UpstreamError) => error.problem);
  await secrets.set(server, 'key', `${key}-2`);
  whose.scope = bob;
  const environment = JSON.parse(text(await upstream.call(tool('environment')))) as Record<string, string>;
  assert.equal(environment['API_KEY'], '[secret]');
  assert.equal(await running, 'closed');
  const second = upstream.call(tool('hang', {}, { signal: stop.signal })).catch((error: UpstreamError) => error.problem);
  await secrets.clear(server, 'key');
  await assert.rejects(upstream.call(tool('echo')), { problem: 'unauthorized' });
  stop.abort();
  assert.equal(await second, 'cancelled');
});

test('a value that is replaced while a server waits for its start is the one that it gets and the one that is masked', async (t) => {
  const path = Promise.withResolvers<undefined>();
  const server = entry({ launch: { command: 'node', args: [program], env: {} }, secrets: inEnvironment });
  const { upstream, secrets } = open(t, server, { path: () => path.promise });
  await secrets.set(server, 'key', key);
  const first = upstream.call(tool('complain', { text: 'new-9876543210\n' }));
  await pause(20);
  await secrets.set(server, 'key', 'new-9876543210');
  path.resolve(undefined);
  await first;
  await until(() => upstream.output().length > 1);
  assert.equal(upstream.output().at(-1), '[secret]');
});

test('what a server says while a call runs is masked: progress, log messages, questions to the person, updates', async (t) => {
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method === 'resources/subscribe')
        return json(response, { jsonrpc: '2.0', id: message.id, error: { code: 1, message: `not with ${key}` } });
      if (message?.method !== 'tools/call') return false;
      const progressToken = message.params._meta?.progressToken;
      sse(response);
      for (const [method, params] of [
        ['notifications/progress', { progressToken, progress: 1, message: `with ${key}` }],
        ['notifications/message', { level: 'info', data: { key } }],
        ['notifications/resources/updated', { uri: 'a://1', _meta: { key } }],
      ])
        response.write(event({ jsonrpc: '2.0', method, params }));
      response.write(event({ jsonrpc: '2.0', id: 'q', method: 'elicitation/create', params: { message: `Is it ${key}?` } }));
      setTimeout(() => response.end(event(result(message.id, 'well'))), 50);
    }),
  );
  const server = entry({ url: raw.url, era: 'legacy', secrets: inHeader });
  const { upstream, secrets, updates } = open(t, server);
  await secrets.set(server, 'x-key', key);
  const heard: unknown[] = [];
  const listening = {
    peer: peer({ capabilities: { elicitation: {} }, logLevel: 'debug' }),
    onProgress: (params: unknown) => heard.push(params),
    onNotification: (notification: unknown) => heard.push(notification),
    onRequest: async (request: unknown) => {
      heard.push(request);
      return { result: { action: 'decline' } };
    },
  };
  await upstream.call(tool('x', {}, listening as never));
  const all = JSON.stringify([heard, updates]);
  assert.ok(heard.length === 3 && !all.includes(key), all);
  assert.match(all, /with \[secret\]/);
  assert.match(all, /Is it \[secret\]\?/);
  await assert.rejects(upstream.subscribe('a://1', peer()), (error: UpstreamError) => !error.message.includes(key));
});

test('a secret is masked however JSON spells it', async (t) => {
  const slashed = 'ab/cd+"ef"/1234==';
  const escaped = (value: string) => JSON.stringify(value).replaceAll('/', '\\/').replace('d', '\\u0064');
  const raw = await startRaw(
    t,
    legacy((message, response) => {
      if (message?.method !== 'tools/call') return false;
      const inText = message.params.name === 'text' ? JSON.stringify(JSON.stringify({ key: slashed })) : escaped(`your key: ${slashed}`);
      json(response, `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"content":[{"type":"text","text":${inText}}]}}`);
    }),
  );
  const server = entry({ url: raw.url, era: 'legacy', secrets: inHeader });
  const { upstream, secrets } = open(t, server);
  await secrets.set(server, 'x-key', slashed);
  const outcome = await upstream.call(tool('x'));
  assert.equal(text(outcome), 'your key: [secret]');
  assert.equal('text' in outcome, false, 'what is sent on is not what came');
  assert.equal(text(await upstream.call(tool('text'))), '{"key":"[secret]"}');
});

test('a bundle that gives a local server the secret in another variable, or with other words around it, is a change that is asked about', async (t) => {
  const launch = { command: 'npx', args: ['-y', 'wiki@1.2.3', 'me@1.2.3-a.example'], env: {} };
  const place = (where: object) => [
    wants('key', { in: 'environment', name: 'API_KEY', ...where }),
    wants('other', { in: 'environment', name: 'OTHER' }, false),
  ];
  const server = entry({ launch, secrets: place({}) });
  const { secrets } = open(t, server);
  await secrets.set(server, 'key', key);
  const state = (changed: ServerEntry) => secrets.rows(changed)[0]!.state;
  assert.equal(state(server), 'set');
  assert.equal(state(entry({ launch, secrets: place({}).map((one) => ({ ...one, description: 'New words' })) })), 'set');
  for (const where of [{ name: 'HTTPS_PROXY' }, { before: 'http://' }, { after: '@evil.example' }, { name: 'OTHER2' }])
    assert.equal(state(entry({ launch, secrets: place(where) })), 'missing', JSON.stringify(where));
  const swapped = [wants('key', { in: 'environment', name: 'OTHER' }), wants('other', { in: 'environment', name: 'API_KEY' }, false)];
  assert.equal(state(entry({ launch, secrets: swapped })), 'missing');
  const elsewhere = { ...launch, args: ['-y', 'wiki@1.2.4', 'me@1.2.3-evil.example'] };
  assert.equal(state(entry({ launch: elsewhere, secrets: place({}) })), 'missing', 'the second one is no package');
  assert.equal(state(entry({ launch: { ...launch, args: ['-y', 'wiki@1.2.4', 'me@1.2.3-a.example'] }, secrets: place({}) })), 'set');
});

test('a connection with older secrets that does not end well takes nothing along', async () => {
  let ended = 0;
  const outdated = openOutdated(
    () => false,
    () => ended++,
  );
  const link = { busy: () => false } as Link;
  outdated.add(link, 1_000, () => Promise.reject(new Error('it does not end')));
  await outdated.settled();
  await pause(10);
  assert.deepEqual([ended, outdated.size], [1, 0]);
});
