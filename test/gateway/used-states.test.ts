import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openSeal } from '../../src/gateway/rounds/seal.ts';
import { openUsedStates } from '../../src/gateway/rounds/used-states.ts';
import { entry, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openMatrixServer } from '../support/matrix-server.ts';

type Answer = { result: { requestState: unknown } };
const minute = 60_000;
const binding = { agent: 'a', person: 'p', server: 's', method: 'tools/call', name: 'x', digest: 'd' };
const folder = (t: { after(fn: () => void): void }) => {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-used-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

test("a modern upstream's question outlives a restart, and its answer is good for one use on both sides of it", async (t) => {
  const dataDir = folder(t);
  const server = await openMatrixServer('modern');
  t.after(() => server.close());
  const bundle = makeBundle({
    servers: [entry({ id: 'm', url: server.url, tools: [{ name: 'elicit', inputSchema: { type: 'object' } }] })],
  });
  const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  let token: string | undefined;
  const during = async <T>(work: (call: (more?: object) => Promise<Answer>) => Promise<T>): Promise<T> => {
    const house = await openTestGateway(bundle, { dataDir, ...(token === undefined ? {} : { token }) });
    token = house.token;
    try {
      return await work(async (more = {}) => {
        const answer = await modernRequest(house.url, house.token, 'tools/call', { name: 'm__elicit', arguments: {}, ...more }, { meta });
        return (answer.headers['content-type']?.includes('event-stream') ? answer.events().at(-1) : answer.json()) as unknown as Answer;
      });
    } finally {
      await house.close();
    }
  };
  const answer = (requestState: unknown) => ({ inputResponses: { q: { action: 'accept' } }, requestState });
  const states = await during(async (call) => [(await call()).result.requestState, (await call()).result.requestState]);
  await during(async (call) => assert.match(JSON.stringify(await call(answer(states[0]))), /mine: 1/));
  await during(async (call) => {
    assert.match(JSON.stringify(await call(answer(states[0]))), /used already/);
    assert.match(JSON.stringify(await call(answer(states[1]))), /mine: 1/);
  });
});

test('the file holds what is not expired yet, for nobody else; an unfinished last line costs nothing', (t) => {
  const file = join(folder(t), 'used-states');
  const first = openUsedStates(file, 0, silent);
  first.add('a'.repeat(16), 10 * minute, 0);
  first.add('b'.repeat(16), 20 * minute, 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  appendFileSync(file, 'cccc');
  const second = openUsedStates(file, 15 * minute, silent);
  assert.deepEqual(
    ['a', 'b', 'c'].map((letter) => second.has(letter.repeat(16))),
    [false, true, false],
  );
  assert.equal(readFileSync(file, 'utf8'), `${'b'.repeat(16)} ${20 * minute}\n`);
  for (let more = 0; more < 3000; more++) second.add(String(more).padStart(16, '0'), 20 * minute + more + 1, 20 * minute + more);
  assert.ok(readFileSync(file, 'utf8').split('\n').length < 1500, 'what is expired is not kept');
});

test('where the file cannot be read, states of before are refused; where it cannot be written, none is taken', (t) => {
  const dir = folder(t);
  const file = join(dir, 'used-states');
  const key = new Uint8Array(32);
  const state = openSeal(key, openUsedStates(undefined, 0, silent)).seal(binding, { anew: true }, minute);
  writeFileSync(file, 'nonsense\n');
  const seal = openSeal(key, openUsedStates(file, 2 * minute, silent));
  assert.match(String(seal.open(state, binding, 3 * minute)), /before a restart/);
  assert.deepEqual(seal.open(seal.seal(binding, { anew: true }, 3 * minute), binding, 3 * minute), { anew: true });
  const nowhere = openSeal(key, openUsedStates(join(dir, 'no', 'folder'), 2 * minute, silent));
  assert.match(String(nowhere.open(nowhere.seal(binding, { anew: true }, 3 * minute), binding, 3 * minute)), /cannot be marked/);
});
