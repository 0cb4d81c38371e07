import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway, raw } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

type Result = { isError?: boolean; content: { type: string; text: string }[]; [key: string]: unknown };

const tools = ['open', 'guarded', 'secret'].map((name) => ({
  name,
  inputSchema: { type: 'object', 'x-odd': { kept: true } },
  _meta: { 'vendor/odd': [1, null] },
  oddField: 'kept',
}));
const policies = `
@id("open") permit(principal, action, resource) unless { resource == Tool::"one/secret" || resource == Tool::"one/guarded" || resource == Server::"two" };
@id("guarded") @reason("only for apollo") permit(principal, action == Action::"call", resource == Tool::"one/guarded") when { context.args has project && context.args.project == "apollo" };`;
let upstream: Awaited<ReturnType<typeof openRpcServer>>;
let house: Awaited<ReturnType<typeof openTestGateway>>;
const odd = {
  content: [{ type: 'text', text: 'ok', unknownField: { deep: [1.5, null, 'ü'] } }],
  structuredContent: [1, 2],
  _meta: { 'vendor/key': 1 },
  another: true,
};

const servers = () => [entry({ id: 'one', url: upstream.url, tools }), entry({ id: 'two', url: upstream.url, tools })];

before(async () => {
  upstream = await openRpcServer({ 'tools/call': () => ({ result: odd }) });
  house = await openTestGateway(makeBundle({ servers: servers(), policies }));
});
after(async () => {
  await house.close();
  await upstream.close();
});

const text = (result: unknown) => (result as Result).content[0]!.text;

test('lists show what policy allows, with every unknown field, and nothing of hidden servers', async () => {
  const session = await legacySession(house.url, house.token);
  const listed = (await session.send('tools/list')).json()['result'] as { tools: Record<string, unknown>[] };
  assert.deepEqual(listed.tools, [
    { ...tools[0], name: 'one__open' },
    { ...tools[1], name: 'one__guarded' },
  ]);
  const own = await legacySession(`${house.url}/s/one`, house.token);
  assert.deepEqual(((await own.send('tools/list')).json()['result'] as { tools: unknown[] }).tools, [tools[0], tools[1]]);
  assert.equal(
    (
      await raw(`${house.url}/s/two`, {
        headers: { authorization: `Bearer ${house.token}`, 'content-type': 'application/json' },
        body: '{}',
      })
    ).status,
    404,
  );
  const modern = (await modernRequest(house.url, house.token, 'tools/list')).json()['result'] as Record<string, unknown>;
  assert.equal(modern['resultType'], 'complete');
  assert.equal(modern['cacheScope'], 'private');
  assert.equal((modern['tools'] as unknown[]).length, 2);
});

test('an answer passes untouched in both eras; a modern agent gets its resultType', async () => {
  const session = await legacySession(`${house.url}/s/one`, house.token);
  assert.deepEqual((await session.send('tools/call', { name: 'open', arguments: {} })).json()['result'], odd);
  const modern = await modernRequest(`${house.url}/s/one`, house.token, 'tools/call', { name: 'open', arguments: {} });
  assert.deepEqual(modern.json()['result'], { resultType: 'complete', ...odd });
});

test('hidden, nonexistent and of another server: the same words, and nothing reaches the upstream', async () => {
  const session = await legacySession(house.url, house.token);
  const before = upstream.seen.length;
  const errors = [];
  for (const name of ['one__secret', 'one__nonsense', 'two__open']) {
    const error = (await session.send('tools/call', { name, arguments: {} })).json()['error'] as { code: number; message: string };
    assert.equal(error.code, -32602);
    errors.push(error.message.replace(name, 'NAME'));
  }
  assert.deepEqual(new Set(errors), new Set(['Unknown tool: NAME']));
  assert.equal(upstream.seen.length, before);
});

test('visible but denied: a result that names the rule, its reason, what was missing and what to do', async () => {
  const session = await legacySession(house.url, house.token);
  const before = upstream.seen.length;
  const denied = (await session.send('tools/call', { name: 'one__guarded', arguments: { project: 'zephyr' } })).json()['result'] as Result;
  assert.equal(denied.isError, true);
  assert.match(text(denied), /company policy does not allow it/);
  assert.match(text(denied), /context\.args\.project/);
  assert.match(text(denied), /Request access/);
  assert.equal(upstream.seen.length, before);
  const allowed = (await session.send('tools/call', { name: 'one__guarded', arguments: { project: 'apollo' } })).json()['result'];
  assert.deepEqual(allowed, odd);
});

test('a changed bundle reaches open streams of both eras, and a forbidden call is refused at once in an open session', async () => {
  await house.apply(makeBundle({ servers: servers(), policies, version: 2 }));
  const session = await legacySession(house.url, house.token);
  await session.send('tools/list');
  const { default: http } = await import('node:http');
  const heard: string[] = [];
  const stream = await new Promise<import('node:http').IncomingMessage>((resolve) =>
    http.get(
      house.url,
      { headers: { authorization: `Bearer ${house.token}`, accept: 'text/event-stream', ...session.headers }, agent: false },
      resolve,
    ),
  );
  stream.setEncoding('utf8').on('data', (chunk: string) => heard.push(chunk));
  const forbidding = `${policies} @id("stop") @reason("killed") forbid(principal, action == Action::"call", resource == Tool::"one/open");`;
  await house.apply(makeBundle({ servers: servers(), policies: forbidding, version: 3 }));
  const refused = (await session.send('tools/call', { name: 'one__open', arguments: {} })).json()['error'] as { message: string };
  assert.equal(refused.message, 'Unknown tool: one__open');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.match(heard.join(''), /notifications\/tools\/list_changed/);
  assert.doesNotMatch(heard.join(''), /prompts/);
  stream.destroy();
  await house.apply(makeBundle({ servers: servers(), policies, version: 4 }));
});

test('a revoked agent is out at once, open session or not', async () => {
  const { token } = await house.agents.add('Shortlived');
  const session = await legacySession(house.url, token);
  assert.equal((await session.send('ping')).status, 200);
  await house.agents.revoke('Shortlived');
  assert.equal((await session.send('ping')).status, 401);
});

test('past its dates a bundle allows reading only, then nothing', async () => {
  let now = Date.now();
  const own = await openTestGateway(
    makeBundle({
      servers: [entry({ id: 'one', url: upstream.url, tools: [tools[0]!, { name: 'write', inputSchema: { type: 'object' } }] })].map(
        (server) => ({
          ...server,
          tools: { ...server.tools, write: { readOnly: false, destructive: true, openWorld: false, tags: [] } },
        }),
      ),
    }),
    { now: () => now },
  );
  try {
    const session = await legacySession(own.url, own.token);
    const names = async () => {
      own.gateway.recheck();
      return ((await session.send('tools/list')).json()['result'] as { tools: { name: string }[] }).tools.map((tool) => tool.name);
    };
    assert.deepEqual(await names(), ['one__open', 'one__write']);
    now += 3_700_000;
    assert.deepEqual(await names(), ['one__open']);
    now += 3_700_000;
    assert.deepEqual(await names(), []);
  } finally {
    await own.close();
  }
});

test('the ledger holds one record for each decision, in order, with the rule that was applied', async () => {
  const session = await legacySession(house.url, house.token);
  const from = (await house.records()).length;
  await session.send('tools/call', { name: 'one__open', arguments: { a: 1 } });
  await session.send('tools/call', { name: 'one__guarded', arguments: { project: 'x' } });
  await session.send('tools/call', { name: 'nonsense', arguments: {} });
  const records = (await house.records()).slice(from);
  assert.deepEqual(
    records.map(({ agent, server, target, decision, rule, outcome }) => ({ agent, server, target, decision, rule, outcome })),
    [
      { agent: 'Tester', server: 'one', target: 'open', decision: 'allow', rule: 'open', outcome: 'ok' },
      { agent: 'Tester', server: 'one', target: 'guarded', decision: 'deny', rule: records[1]!.rule, outcome: 'error' },
      { agent: 'Tester', server: '', target: 'nonsense', decision: 'deny', rule: 'gatehouse:unknown', outcome: 'error' },
    ],
  );
  assert.equal((await house.ledger.verify()).problem, undefined);
});
