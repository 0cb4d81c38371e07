import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { type DemoUpstreams, openDemoUpstreams, openEverything } from '../../src/demo/upstreams.ts';
import type { JsonObject } from '../../src/protocol/jsonrpc.ts';
import type { Outcome, Upstream } from '../../src/upstreams/upstream.ts';
import { entry, open, peer, text, tool, until } from '../support/upstreams/open.ts';

let demo: DemoUpstreams;
let everything: Awaited<ReturnType<typeof openEverything>>;
before(async () => {
  [demo, everything] = await Promise.all([openDemoUpstreams({ port: 0 }), openEverything({ port: 0 })]);
});
after(() => Promise.all([demo.close(), everything.close()]));

/** Server-everything's own words, without anything of ours between. */
async function direct(method: string, params: JsonObject, sessionId?: string): Promise<{ session: string; message: JsonObject }> {
  const answer = await fetch(everything.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(sessionId ? { 'mcp-session-id': sessionId } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', ...(method.startsWith('notifications/') ? {} : { id: 1 }), method, params }),
  });
  const body = await answer.text();
  const line = body.split('\n').findLast((line) => line.startsWith('data: {'));
  return { session: answer.headers.get('mcp-session-id')!, message: JSON.parse(line?.slice(6) ?? '{}') };
}

const calls: [name: string, args: JsonObject][] = [
  ['echo', { message: 'grüß Gott \u2028 😀' }],
  ['echo', {}],
  ['get-sum', { a: 2, b: 3 }],
  ['get-annotated-message', { messageType: 'error', includeImage: true }],
  ['get-resource-links', { count: 3 }],
  ['get-resource-reference', { resourceType: 'Text', resourceId: 1 }],
  ['get-structured-content', { location: 'Chicago' }],
  ['get-tiny-image', {}],
  ['no-such-tool', {}],
];

test('results of server-everything are its own, word for word, over HTTP and over a pipe', async (t) => {
  const { session } = await direct('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  });
  await direct('notifications/initialized', {}, session);
  const program = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/dist/index.js');
  const http = open(t, entry({ url: everything.url })).upstream;
  const pipe = open(t, entry({ launch: { command: 'node', args: [program, 'stdio'], env: {} } })).upstream;
  for (const [name, args] of calls) {
    const { message } = await direct('tools/call', { name, arguments: args }, session);
    const { jsonrpc: _version, id: _id, ...own } = message;
    for (const upstream of [http, pipe])
      assert.deepEqual(withoutTimes(said(await upstream.call(tool(name, args)))), withoutTimes(own), name);
  }
  for (const [method, params] of [
    ['tools/list', {}],
    ['prompts/list', {}],
    ['prompts/get', { name: 'args-prompt', arguments: { city: 'Oslo' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'E' } }],
    ['resources/read', { uri: 'demo://resource/static/document/architecture.md' }],
    ['nonsense/method', {}],
  ] as const) {
    const { jsonrpc: _version, id: _id, ...own } = (await direct(method, params, session)).message;
    assert.deepEqual(said(await http.call(tool('', {}, { method, params }))), own, method);
  }
});

/** Beside a long result stands the text that it was parsed from. */
const said = (outcome: Outcome) => ('result' in outcome ? { result: outcome.result } : outcome);
const withoutTimes = (value: unknown) => JSON.parse(JSON.stringify(value).replace(/\d?\d:\d\d:\d\d( [AP]M)?/g, ''));

test('server-everything asks the agent whose call it is, on its own session', async (t) => {
  const { upstream } = open(t, entry({ url: everything.url }));
  const asked: string[] = [];
  const answers: Record<string, JsonObject> = {
    'elicitation/create': { action: 'accept', content: { name: 'Ada' } },
    'sampling/createMessage': { role: 'assistant', model: 'm', content: { type: 'text', text: 'sampled words' } },
    'roots/list': { roots: [{ uri: 'file:///work', name: 'work' }] },
  };
  const who = {
    peer: peer({ id: 'asked', capabilities: { roots: {}, sampling: {}, elicitation: {} } }),
    onRequest: async ({ method }: { method: string }) => {
      asked.push(method);
      return { result: answers[method]! };
    },
  };
  assert.match(text(await upstream.call(tool('trigger-elicitation-request', {}, who))), /provided/);
  const sampled = await upstream.call(tool('trigger-sampling-request', { prompt: 'hi', maxTokens: 10 }, who));
  assert.match(JSON.stringify(sampled), /sampled words/);
  assert.ok(asked.includes('elicitation/create') && asked.includes('sampling/createMessage'));
});

test('progress and cancellation of a long-running tool', async (t) => {
  const { upstream } = open(t, entry({ url: everything.url }));
  const seen: unknown[] = [];
  await upstream.call(
    tool('trigger-long-running-operation', { duration: 0.2, steps: 4 }, { onProgress: ({ progress }) => seen.push(progress) }),
  );
  assert.deepEqual(seen, [1, 2, 3, 4]);
  const releases = open(t, entry({ url: `${demo.url}/releases/mcp` })).upstream;
  const stop = new AbortController();
  const building = releases.call(
    tool('build_release', { version: '7.0.0', seconds: 60 }, { signal: stop.signal, onProgress: () => stop.abort() }),
  );
  const quick = releases.call(tool('build_release', { version: '7.0.1', seconds: 0 }));
  assert.match(text(await quick), /7\.0\.1/);
  stop.abort();
  await assert.rejects(building, { problem: 'cancelled' });
  assert.doesNotMatch(text(await releases.call(tool('list_releases'))), /7\.0\.0/);
});

test('a modern SDK server: its parameter headers, its own errors, its subscriptions', async (t) => {
  const schema = { type: 'object', properties: { project: { type: 'string', 'x-mcp-header': 'Project' } } };
  const { upstream, updates } = open(
    t,
    entry({ url: `${demo.url}/tickets/mcp`, catalogue: { tools: [{ name: 'close_ticket', inputSchema: schema }] } }),
  );
  const release = await upstream.subscribe('ticket://board', peer());
  assert.equal(upstream.status().era, 'modern');
  await upstream.call(tool('close_ticket', { id: 'T-104', project: 'zephyr', resolution: 'written — finally' }));
  await until(() => updates.length === 1);
  assert.equal(updates[0]!['uri'], 'ticket://board');
  assert.equal(updates[0]!['_meta'], undefined);
  release();
  const wrong = await upstream.call(tool('', {}, { method: 'tools/call', params: { name: 'get_ticket' } }));
  assert.match(JSON.stringify(wrong), /Invalid|invalid|Required|expected/);
  const read = await upstream.call(tool('', {}, { method: 'resources/read', params: { uri: 'ticket://T-104' } }));
  assert.match(JSON.stringify(read), /finally/);
});

test('answers of one upstream are not mixed up, however many calls there are at once', async (t) => {
  const run = async (upstream: Upstream, name: string, key: string) => {
    const texts = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => text(await upstream.call(tool(name, { [key]: `number ${index}` })))),
    );
    for (const [index, answer] of texts.entries()) assert.match(answer, new RegExp(`number ${index}\\b`));
  };
  await run(open(t, entry({ url: everything.url })).upstream, 'echo', 'message');
  await run(open(t, entry({ url: `${demo.url}/tickets/mcp` })).upstream, 'get_ticket', 'id');
});
