// Agents that come before there is anything to answer with, or while we leave.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { openEntrance } from '../../src/gateway/entrance.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway, post, type RawAnswer, raw } from '../support/gateway.ts';

const bundle = () => makeBundle({ servers: [entry({ id: 'm', url: 'http://127.0.0.1:9/mcp', tools: [{ name: 'touch' }] })] });
const failed = (error: NodeJS.ErrnoException): string => error.code ?? String(error);

/** What agents of both eras may ask first, with what each of them gets once the rules are there. */
function first(url: string, token: string, session: Record<string, string>): Record<string, () => Promise<RawAnswer>> {
  const requestHeaders = { authorization: `Bearer ${token}`, ...session };
  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {} } };
  const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  return {
    'initialize 200': () => post(url, token, initialize),
    'legacy list 200': () => post(url, token, list, session),
    'modern list 200': () => modernRequest(url, token, 'tools/list'),
    'one server 200': () => modernRequest(`${url}/s/m`, token, 'tools/list'),
    'discover 200': () => modernRequest(url, token, 'server/discover'),
    'no session 404': () =>
      raw(url, { method: 'GET', headers: { ...requestHeaders, accept: 'text/event-stream', 'mcp-session-id': 'none' } }),
    'no server 404': () => modernRequest(`${url}/s/other`, token, 'tools/list'),
    'not acceptable 406': () => raw(url, { method: 'GET', headers: { ...requestHeaders, accept: 'text/html' } }),
  };
}

test('whoever asks before the rules are there is held, whatever it asks, and gets what it would get after', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-waiting-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const before = await openTestGateway(bundle(), { dataDir });
  const { headers } = await legacySession(before.url, before.token);
  await before.close();

  const settled = Promise.withResolvers<void>();
  const house = await openTestGateway(undefined, { dataDir, token: before.token, settled: settled.promise });
  t.after(() => house.close());
  const asked = first(house.url, before.token, headers);
  const answered: string[] = [];
  const all = Object.entries(asked).map(async ([title, send]) => {
    const { status, text } = await send();
    answered.push(title);
    assert.equal(title.split(' ').at(-1), String(status), `${title}: ${text}`);
    if (title.includes('list')) assert.match(text, /touch/, title);
  });
  // Who has no credential needs no rules to be told so; its answer comes after all that the others could have had.
  assert.equal((await raw(house.url, { method: 'GET' })).status, 401);
  await pause(50);
  assert.deepEqual(answered, []);
  await house.apply(bundle());
  await pause(50);
  assert.deepEqual(answered, [], 'also while what came is not all that comes');
  settled.resolve();
  await Promise.all(all);
  assert.equal(answered.length, Object.keys(asked).length);
});

test('an entrance holds what comes until somebody serves it, in order, but not in any number', async () => {
  const entrance = await openEntrance({ port: 0, headersTimeoutMs: 10_000 });
  const url = `http://127.0.0.1:${entrance.number}/`;
  const order: string[] = [];
  const send = async (name: string) => order.push(`${name} got ${(await raw(url + name)).text}`);
  const early = [send('one').catch(failed)];
  await pause(50);
  early.push(send('two').catch(failed));
  await pause(50);
  assert.deepEqual(order, []);
  const served: string[] = [];
  entrance.serve(
    (request, response) => {
      served.push(request.url!);
      response.end(`ok ${served.length}`);
    },
    () => {},
  );
  await Promise.all(early);
  assert.deepEqual(served, ['/one', '/two']);
  await send('three');
  assert.deepEqual(order.toSorted(), ['one got ok 1', 'three got ok 3', 'two got ok 2']);
  await entrance.close();

  const full = await openEntrance({ port: 0, headersTimeoutMs: 10_000 });
  const at = `http://127.0.0.1:${full.number}/`;
  const ends: string[] = [];
  const over = Promise.withResolvers<void>();
  const many = Array.from({ length: 1100 }, async () => {
    ends.push(await raw(at).then(({ status, text }) => `${status} ${text}`, failed));
    if (ends.length === 100) over.resolve();
  });
  await over.promise;
  for (const end of ends) assert.match(end, /^503 .*still starting/);
  await full.close();
  await Promise.all(many);
  assert.deepEqual(new Set(ends.slice(100)), new Set(['ECONNRESET']));
});

test('while it leaves nobody gets an answer that would count for good: not who was held, nor who comes', async () => {
  const settled = Promise.withResolvers<void>();
  const house = await openTestGateway(bundle(), { settled: settled.promise });
  const held = Object.values(first(house.url, house.token, {})).map((send) => send().then(({ status }) => String(status), failed));
  await pause(50);
  house.gateway.leave();
  settled.resolve();
  for (const end of await Promise.all(held)) assert.equal(end, 'ECONNRESET');
  assert.equal(await modernRequest(house.url, house.token, 'tools/list').then(({ text }) => text, failed), 'ECONNRESET');
  await house.close();
  assert.equal(await modernRequest(house.url, house.token, 'tools/list').then(({ text }) => text, failed), 'ECONNREFUSED');
});

test('more connections than are set are closed at once, and those that are there stay', async (t) => {
  const entrance = await openEntrance({ port: 0, maxConnections: 2, headersTimeoutMs: 5000 });
  t.after(() => entrance.close());
  entrance.serve(
    (_request, response) => void response.end('here'),
    () => {},
  );
  const sockets = [1, 2, 3].map(() => connect(entrance.number, '127.0.0.1'));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const answers = sockets.map(
    (socket) =>
      new Promise<string>((resolve) => {
        socket.on('error', () => resolve(''));
        socket.on('close', () => resolve(''));
        socket.on('data', (chunk) => resolve(String(chunk).slice(0, 12)));
        socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'));
      }),
  );
  assert.deepEqual((await Promise.all(answers)).toSorted(), ['', 'HTTP/1.1 200', 'HTTP/1.1 200']);
});
