import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openTasks } from '../../src/gateway/rounds/tasks.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import type { Json } from '../support/matrix-server.ts';
import { openRpcServer } from '../support/rpc-server.ts';
import { json, type Raw, startRaw } from '../support/upstreams/raw.ts';

/** `io.modelcontextprotocol/tasks` (SEP-2663): two upstreams that use the same task ids. */

const tasks = 'io.modelcontextprotocol/tasks';
const capable = { 'io.modelcontextprotocol/clientCapabilities': { extensions: { [tasks]: {} } } };
const tools = ['slow', 'rude'].map((name) => ({ name, inputSchema: { type: 'object' } }));
const cleanup: (() => unknown)[] = [];
let house: Awaited<ReturnType<typeof openTestGateway>>;
let other: string;
let raws: Raw[];

const upstream = (id: string) =>
  startRaw({ after: (close) => void cleanup.push(close as () => unknown) }, (message, response) => {
    const reply = (result: object) => json(response, { jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', ...result } });
    const task = { taskId: 't1', createdAt: '2026-11-22T00:00:00Z', lastUpdatedAt: '2026-11-22T00:00:00Z', ttlMs: null, 'x-kept': id };
    switch (message.method) {
      case 'server/discover':
        return reply({ supportedVersions: ['2026-07-28'], capabilities: { tools: {}, extensions: { [tasks]: {} } } });
      case 'tools/call':
        return reply({ resultType: 'task', ...task, status: 'working', pollIntervalMs: 10 });
      case 'tasks/get':
        return reply({ ...task, status: 'completed', result: { content: [{ type: 'text', text: `done by ${id}` }] } });
    }
    return reply({});
  });
const bundle = (policies?: string) =>
  makeBundle({
    servers: raws.map(({ url }, index) =>
      entry({ id: 'ab'[index]!, url, catalogue: { tools, capabilities: { tools: {}, extensions: { [tasks]: {} } } } }),
    ),
    ...(policies ? { policies } : {}),
  });

before(async () => {
  raws = [await upstream('a'), await upstream('b')];
  house = await openTestGateway(bundle());
  other = (await house.agents.add('Other')).token;
});
after(async () => {
  await house.close();
  for (const close of cleanup) await close();
});

async function ask(method: string, params: Json, options: { token?: string; meta?: Json; name?: string } = {}) {
  const name = options.name ?? params['taskId'];
  return await modernRequest(house.url, options.token ?? house.token, method, params, {
    meta: options.meta ?? capable,
    headers: name === undefined ? {} : { 'mcp-name': name },
  });
}
const start = async (name: string): Promise<Json> =>
  (await ask('tools/call', { name, arguments: { n: 1 } }, { name })).json()['result'] as Json;

test('a task is asked for, fed and ended at the upstream that has it, under a name of the gateway', async () => {
  const first = await start('a__slow');
  const second = await start('b__slow');
  assert.equal(first['resultType'], 'task');
  assert.equal(first['x-kept'], 'a');
  assert.equal(new Set([first['taskId'], second['taskId'], 't1']).size, 3);
  const got = (await ask('tasks/get', { taskId: second['taskId'] })).json()['result'] as Json;
  assert.equal(got['taskId'], second['taskId']);
  assert.equal(got['result'].content[0].text, 'done by b');
  const inputResponses = { q: { action: 'accept' } };
  assert.equal((await ask('tasks/update', { taskId: first['taskId'], inputResponses })).status, 200);
  assert.equal((await ask('tasks/cancel', { taskId: first['taskId'] })).status, 200);
  const [update, cancel] = raws[0]!.got.slice(-2);
  assert.deepEqual(
    [update!.message.method, update!.message.params.taskId, update!.message.params.inputResponses, update!.headers['mcp-name']],
    ['tasks/update', 't1', inputResponses, 't1'],
  );
  assert.deepEqual([cancel!.message.method, cancel!.message.params.taskId], ['tasks/cancel', 't1']);
  const records = (await house.records()).slice(-5);
  assert.deepEqual(
    records.map(({ server, method, target }) => [server, method, target]),
    [
      ['a', 'tools/call', 'slow'],
      ['b', 'tools/call', 'slow'],
      ['b', 'tasks/get', 'slow'],
      ['a', 'tasks/update', 'slow'],
      ['a', 'tasks/cancel', 'slow'],
    ],
  );
});

test("another agent's task, the upstream's own name and an invented one are equally unknown", async () => {
  const { taskId } = await start('a__slow');
  const before = raws[0]!.got.length;
  for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
    const answers = [
      await ask(method, { taskId }, { token: other }),
      await ask(method, { taskId: 't1' }),
      await ask(method, { taskId: '00000000-0000-4000-8000-000000000000' }),
    ];
    for (const answer of answers) {
      const { code, message } = answer.json()['error'] as Json;
      assert.equal(code, -32602);
      assert.match(message, /^Unknown task: /);
    }
  }
  assert.equal(raws[0]!.got.length, before);
});

test('rules for the tool hold for what came of it; ending it is always allowed', async () => {
  const { taskId } = await start('a__slow');
  const allow = `@id("all") permit(principal, action, resource);`;
  await house.apply(
    bundle(
      `${allow} @id("no") @reason("No more.") forbid(principal, action == Action::"call", resource == Tool::"a/slow") when { context.args has n && context.args.n == 1 };`,
    ),
  );
  const denied = (await ask('tasks/get', { taskId })).json()['error'] as Json;
  assert.equal(denied['code'], 403);
  assert.match(denied['message'], /Rule no: No more\./);
  assert.ok((await ask('tasks/cancel', { taskId })).json()['result']);
  assert.deepEqual(
    (await house.records()).slice(-2).map(({ decision, rule }) => [decision, rule]),
    [
      ['deny', 'no'],
      ['allow', 'gatehouse:cancel'],
    ],
  );
  await house.apply(bundle());
});

test("asking what became of a call does not use up the tool's limit", async () => {
  await house.apply(bundle(`@id("few") @reason("Few.") @limit("1/hour") permit(principal, action, resource);`));
  const { taskId } = await start('b__slow');
  for (let time = 0; time < 3; time++) assert.ok((await ask('tasks/get', { taskId })).json()['result']);
  assert.equal((await start('b__slow'))['isError'], true);
  await house.apply(bundle());
});

test('a task for who did not declare tasks is an error of the upstream; asking for one is refused', async () => {
  const answer = (await ask('tools/call', { name: 'a__rude' }, { meta: {}, name: 'a__rude' })).json()['result'] as Json;
  assert.equal(answer['isError'], true);
  assert.match(JSON.stringify(answer), /a task, which the agent did not ask for/);
  const refused = await ask('tasks/get', { taskId: 'x' }, { meta: {} });
  assert.equal(refused.status, 400);
  assert.equal((refused.json()['error'] as Json)['code'], -32021);
  const legacy = await legacySession(house.url, house.token);
  assert.equal(((await legacy.send('tasks/get', { taskId: 'x' })).json()['error'] as Json)['code'], -32601);
});

test('Mcp-Name must be the task', async () => {
  const { taskId } = await start('a__slow');
  const wrong = await ask('tasks/get', { taskId }, { name: 'other' });
  assert.equal(wrong.status, 400);
  assert.equal((wrong.json()['error'] as Json)['code'], -32020);
});

test('the map is bounded: the oldest are forgotten, of the agent that has too many first', () => {
  const task = (agent: string, bytes = 1) => ({ agent, person: 'p', server: 's', taskId: 't', tool: 't', args: {}, bytes });
  const all = openTasks({ perAgent: 2, total: 4, bytes: 100 });
  const kept = (ids: [string, string][]) => ids.map(([id, agent]) => all.find(id, agent, 'p') !== undefined);
  const b = all.own(task('b'));
  const mine = [1, 2, 3].map(() => all.own(task('a')));
  assert.deepEqual(kept([[b, 'b'], ...mine.map((id): [string, string] => [id, 'a'])]), [true, false, true, true]);
  const heavy = all.own(task('c', 99));
  assert.deepEqual(
    kept([
      [b, 'b'],
      [mine[1]!, 'a'],
      [mine[2]!, 'a'],
      [heavy, 'c'],
    ]),
    [false, false, true, true],
  );
  assert.equal(all.find(heavy, 'c', 'somebody else'), undefined);
});

test('tasks of 2025-11-25 are not offered: a call that asks for one is answered in the call', async () => {
  const server = await openRpcServer({ 'tools/call': ({ params }) => ({ content: [{ type: 'text', text: JSON.stringify(params) }] }) });
  const near = await openTestGateway(makeBundle({ servers: [entry({ id: 'm', url: server.url, tools })] }));
  try {
    const session = await legacySession(near.url, near.token);
    assert.equal(((session.opened.json()['result'] as Json)['capabilities'] as Json)['tasks'], undefined);
    const answer = await session.send('tools/call', { name: 'm__slow', arguments: {}, task: { ttl: 1000 } });
    const { _meta, ...got } = JSON.parse((answer.json()['result'] as Json)['content'][0].text);
    assert.deepEqual(got, { name: 'slow', arguments: {} });
  } finally {
    await near.close();
    await server.close();
  }
});
