import assert from 'node:assert/strict';
import { after, before, mock, test } from 'node:test';
import type { Call } from '../../src/gateway/pipeline/call.ts';
import { openSuspendedCalls } from '../../src/gateway/rounds/suspended-calls.ts';
import type { Outcome, Upstream, UpstreamCall } from '../../src/upstreams/upstream.ts';
import { entry, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { type Json, openMatrixServer } from '../support/matrix-server.ts';
import { until } from '../support/upstreams/open.ts';

/** A modern agent before a legacy upstream: what the agent holds between two rounds, and what becomes of it. */

let house: Awaited<ReturnType<typeof openTestGateway>>;
let server: Awaited<ReturnType<typeof openMatrixServer>>;
let other: string;
let late = 0;
const schema = { type: 'object' };
const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
const tools = ['elicit', 'sample', 'seen', 'echo'].map((name) => ({ name, inputSchema: schema }));
const bundle = () => makeBundle({ servers: [entry({ id: 'm', url: server.url, tools })] });

before(async () => {
  server = await openMatrixServer('legacy');
  house = await openTestGateway(bundle(), { now: () => Date.now() + late });
  other = (await house.agents.add('Other')).token;
});
after(async () => {
  await house.close();
  await server.close();
});

const call = async (params: Json, token = house.token): Promise<Json> => {
  const answer = await modernRequest(house.url, token, 'tools/call', params, { meta });
  return answer.headers['content-type']?.includes('event-stream') ? answer.events().at(-1)! : answer.json();
};
const begin = async (name = 'm__elicit', args: Json = { text: 'a' }): Promise<string> => {
  const { result } = await call({ name, arguments: args });
  assert.equal(result.resultType, 'input_required');
  return result.requestState;
};
const yes = { q1: { action: 'accept', content: { sure: true } } };
const goOn = (requestState: unknown, more: Json = {}, token?: string) =>
  call({ name: 'm__elicit', arguments: { text: 'a' }, inputResponses: yes, requestState, ...more }, token);
const seen = async (): Promise<Json[]> => JSON.parse((await call({ name: 'm__seen' }))['result'].content[0].text);
const cancelled = async () => (await seen()).filter(({ method }) => method === 'notifications/cancelled').length;

const refusals: [string, (state: string) => Promise<Json>, RegExp][] = [
  ['tampered', (state) => goOn(`${state.slice(0, -3)}${state.at(-3) === 'A' ? 'B' : 'A'}${state.slice(-2)}`), /changed|another call/],
  ['truncated', (state) => goOn(state.slice(0, 20)), /not one of this gateway/],
  ['not text', () => goOn({ state: 1 }), /not one of this gateway/],
  ["another agent's", (state) => goOn(state, {}, other), /another call/],
  ["another tool's", (state) => goOn(state, { name: 'm__sample' }), /another call/],
  ["other arguments'", (state) => goOn(state, { arguments: { text: 'b' } }), /another call/],
];
for (const [title, attempt, message] of refusals)
  test(`a state that is ${title} is refused, and the right one still holds`, async () => {
    const state = await begin();
    const { error } = await attempt(state);
    assert.equal(error.code, -32602);
    assert.match(error.message, message);
    assert.match((await goOn(state))['result'].content[0].text, /"sure":true/);
  });

test('the same arguments in another order are the same call, in a list they are another', async () => {
  const args = { text: 'a', more: { x: [1, 2], y: null } };
  const again = { more: { y: null, x: [1, 2] }, text: 'a' };
  const state = await begin('m__elicit', args);
  const other = await goOn(state, { arguments: { ...again, more: { ...again.more, x: [2, 1] } } });
  assert.match(other['error'].message, /another call/);
  assert.match((await goOn(state, { arguments: again }))['result'].content[0].text, /"sure":true/);
});

test('a state is good for one use', async () => {
  const state = await begin();
  const both = await Promise.all([goOn(state), goOn(state)]);
  assert.equal(both.filter((answer) => answer['result']).length, 1);
  assert.match(both.find((answer) => answer['error'])!['error'].message, /used already/);
  assert.match((await goOn(state))['error'].message, /used already/);
});

test('a state that has expired is refused', async () => {
  const state = await begin();
  late = 16 * 60_000;
  assert.match((await goOn(state))['error'].message, /expired/);
  late = 0;
});

test('an answer that is missing is asked for again, under the same key and a new state', async () => {
  const state = await begin();
  const { result } = await goOn(state, { inputResponses: { unknown: { action: 'accept' } } });
  assert.deepEqual(Object.keys(result.inputRequests), ['q1']);
  assert.notEqual(result.requestState, state);
  assert.match((await goOn(result.requestState))['result'].content[0].text, /"sure":true/);
});

test('what waits ends with the credential, and with the person', async () => {
  const ended = async (end: () => unknown) => {
    const state = await begin();
    const count = await cancelled();
    await end();
    await house.apply(bundle());
    await until(async () => (await cancelled()) > count);
    assert.match((await goOn(state))['error'].message, /not waiting any more/);
  };
  await ended(() => house.gateway.dismiss('Tester'));
  await ended(() => house.apply(undefined));
});

test('what policy has come to deny does not go on', async () => {
  const state = await begin();
  const policies = `@id("all") permit(principal, action, resource); @id("no") @reason("No more.") forbid(principal, action == Action::"call", resource == Tool::"m/elicit");`;
  const answered = async () => (await seen()).filter((request) => request['answer']).length;
  const before = await answered();
  await house.apply(makeBundle({ servers: [entry({ id: 'm', url: server.url, tools })], policies }));
  const answer = await goOn(state);
  assert.match(answer['error'].message, /Unknown tool/);
  await house.apply(bundle());
  assert.equal(await answered(), before);
});

/** An upstream that asks at once, as often as there are `asks`, and answers with what it was told. */
function asking(asks: Json[] = [{}]) {
  const calls: UpstreamCall[] = [];
  const upstream = {
    call: (upstreamCall: UpstreamCall) => {
      calls.push(upstreamCall);
      return new Promise<Outcome>((resolve, reject) => {
        upstreamCall.signal.addEventListener('abort', () => reject(upstreamCall.signal.reason));
        queueMicrotask(async () => {
          const told = asks.map((params) => upstreamCall.onRequest!({ method: 'elicitation/create', params }, upstreamCall.signal));
          resolve({ result: { told: await Promise.all(told) } });
        });
      });
    },
  } as unknown as Upstream;
  return { upstream, calls };
}
const made = (agent: string) =>
  ({
    agent,
    method: 'tools/call',
    peer: { id: agent, era: 'modern', capabilities: { elicitation: {} }, clientInfo: { name: '', version: '' } },
    signal: new AbortController().signal,
  }) as unknown as Call;

test('parked calls are few per agent and few at all; one too many is told so', async () => {
  const suspended = openSuspendedCalls({ perAgent: 2, total: 3, roundMs: 60_000, wholeMs: 150_000 });
  const { upstream } = asking();
  const of = (agent: string) => suspended.begin(made(agent), upstream, {});
  const rounds = await Promise.all([of('a'), of('a'), of('a'), of('b'), of('c')]);
  assert.deepEqual(
    rounds.map((round) => 'parked' in round),
    [true, true, false, true, false],
  );
  assert.match(JSON.stringify(rounds[2]), /Too many calls/);
  suspended.close();
});

test('a server may name its question; a name that is taken or none gives way to one of ours', async () => {
  const suspended = openSuspendedCalls({ perAgent: 2, total: 3, roundMs: 60_000, wholeMs: 600_000 });
  const names = ['user_name', 'user_name', 'q2', '', 'a b', '__proto__', 7, undefined];
  const { upstream } = asking(names.map((name) => ({ _meta: { 'dev.gatehouse/inputKey': name } })));
  const reached = await suspended.begin(made('a'), upstream, {});
  assert.ok('parked' in reached);
  const keys = Object.keys(reached.inputRequests);
  assert.deepEqual(keys, ['user_name', 'q2', 'q3', 'q4', 'q5', '__proto__', 'q7', 'q8']);
  const answers = Object.fromEntries(keys.map((key) => [key, { key }]));
  const { __proto__: _, ...some } = answers;
  const again = await suspended.resume(reached.parked, made('a'), some)!;
  assert.ok('parked' in again);
  assert.deepEqual(Object.keys(again.inputRequests), ['__proto__'], 'what every object has by nature is no answer');
  const done = await suspended.resume(again.parked, made('a'), answers)!;
  assert.ok('outcome' in done && 'result' in done.outcome);
  assert.deepEqual(
    (done.outcome.result['told'] as Json[]).map(({ result }) => result.key),
    keys,
  );
  suspended.close();
});

test('an answer that was sent ahead is given to the question of its name, once', async () => {
  const suspended = openSuspendedCalls({ perAgent: 2, total: 3, roundMs: 60_000, wholeMs: 600_000 });
  const named = { _meta: { 'dev.gatehouse/inputKey': 'user_name' } };
  const { upstream } = asking([named, named, {}]);
  const answers = { user_name: { n: 1 }, q3: { n: 2 }, other: 'x' };
  const reached = await suspended.begin(made('a'), upstream, { inputResponses: answers });
  assert.ok('parked' in reached);
  assert.deepEqual(Object.keys(reached.inputRequests), ['user_name', 'q2']);
  const after = await suspended.begin(made('a'), upstream, { inputResponses: answers, requestState: 'of an upstream' });
  assert.ok('parked' in after);
  assert.equal(Object.keys(after.inputRequests).length, 3);
  suspended.close();
});

test('whoever does not come back in time is cancelled upstream', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const suspended = openSuspendedCalls({ perAgent: 2, total: 3, roundMs: 60_000, wholeMs: 150_000 });
  const { upstream, calls } = asking();
  const round = suspended.begin(made('a'), upstream, {});
  await new Promise(setImmediate);
  mock.timers.tick(5);
  const reached = await round;
  assert.ok('parked' in reached);
  mock.timers.tick(59_999);
  assert.equal(calls[0]!.signal.aborted, false);
  mock.timers.tick(1);
  mock.timers.reset();
  assert.equal(calls[0]!.signal.aborted, true);
  assert.equal(suspended.resume(reached.parked, made('a'), {}), undefined);
});

test('whoever comes back without an answer again and again is given one while in all, not one after the other', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const suspended = openSuspendedCalls({ perAgent: 2, total: 3, roundMs: 60_000, wholeMs: 150_000 });
  const { upstream, calls } = asking();
  const reached = async (round: ReturnType<typeof suspended.resume>): Promise<string> => {
    await new Promise(setImmediate);
    mock.timers.tick(5);
    const resumed = await round!;
    assert.ok('parked' in resumed);
    return resumed.parked;
  };
  let parked = await reached(suspended.begin(made('a'), upstream, {}));
  for (let round = 0; round < 2; round++) {
    mock.timers.tick(59_000);
    parked = await reached(suspended.resume(parked, made('a'), {}));
  }
  mock.timers.tick(30_000);
  assert.equal(calls[0]!.signal.aborted, false);
  mock.timers.tick(2_000);
  assert.equal(calls[0]!.signal.aborted, true);
  assert.equal(suspended.resume(parked, made('a'), {}), undefined);
});
