import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { UnreadLimits } from '../../src/base/unread.ts';
import { legacySession, modernRequest, post } from '../support/gateway.ts';
import { callText, type Era, large, MB, openHost, requestText, until } from '../support/unread.ts';

/** Agents that ask for much and read nothing, over real sockets, against a gateway whose process holds nothing else. */

type House = Awaited<ReturnType<typeof openHost>>;
const eras: Era[] = ['legacy', 'modern'];

const sessionOf = async (house: House, agent: string) => (await legacySession(house.url, house.tokens[agent]!)).headers;

/** How an agent can come by fifteen large results that it does not read. */
const attacks: Record<string, (house: House, era: Era, session: Record<string, string>) => Promise<void>> = {
  async 'over fifteen connections'(house, era, session) {
    for (let nth = 0; nth < 15; nth++) house.connect().write(callText(house.url, house.tokens['A']!, era, 'large', session));
  },
  async 'one behind the other on one connection'(house, era, session) {
    const socket = house.connect();
    for (let nth = 0; nth < 15; nth++) socket.write(callText(house.url, house.tokens['A']!, era, 'large', session));
  },
  async 'on fifteen streams with as much said before each answer'(house, era, session) {
    for (let nth = 0; nth < 15; nth++) house.connect().write(callText(house.url, house.tokens['A']!, era, 'talk', session));
  },
};

for (const [how, attack] of Object.entries(attacks))
  for (const era of eras)
    test(`fifteen results of 20 MB that nobody reads, ${how}, ${era}: bounded, others are served, and the memory comes back`, async (t) => {
      const house = await openHost(t);
      const session = await sessionOf(house, 'A');
      await serves(house, 'B');
      const before = (await house.ask('memory')).used;
      await attack(house, era, session);
      await until(() => house.asked() > 0);
      let most = 0;
      let quiet = 0;
      // Until nothing more comes of it.
      for (let last = -1; quiet < 5; await new Promise((done) => setTimeout(done, 200))) {
        const { used } = await house.ask('memory');
        most = Math.max(most, used - before);
        quiet = Math.abs(used - last) < MB ? quiet + 1 : 0;
        last = used;
        await serves(house, 'B');
      }
      // 64 MiB for one agent, one answer above that, and what is on its way between two threads.
      assert.ok(most < 130 * MB, `${Math.round(most / MB)} MB of 300`);
      assert.ok(most > 10 * MB, `something waits: ${Math.round(most / MB)} MB`);
      await house.leave();
      // A call of the legacy era goes on when its agent leaves, so all that its server says is read first: on a slow machine that takes a minute.
      const back = await until(async () => (await house.ask('memory')).used - before < 12 * MB, 120);
      assert.ok(back, `${Math.round(((await house.ask('memory')).used - before) / MB)} MB stay, and one result has 20`);
      assert.deepEqual(await house.cuts(), [], 'none of them waited for a minute');
      await serves(house, 'A');
    });

async function serves(house: House, agent: string): Promise<void> {
  const { status, text } = await modernRequest(house.url, house.tokens[agent]!, 'tools/call', { name: 'one__small', arguments: {} });
  assert.equal(status, 200, text);
  assert.match(text, /"content":\[\]/);
}

for (const era of eras)
  test(`a stream of announcements that nobody reads is cut at the bound of a connection, and recorded, ${era}`, async (t) => {
    const house = await openHost(t);
    const token = house.tokens['A']!;
    const socket = house.connect();
    if (era === 'legacy') {
      const headers = await sessionOf(house, 'A');
      await post(house.url, token, { jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'x://here' } }, headers);
      socket.write(requestText(house.url, token, 'GET', headers));
    } else {
      const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
      const params = { notifications: { resourceSubscriptions: ['x://here'] }, _meta };
      const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' };
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'subscriptions/listen', params });
      socket.write(requestText(house.url, token, 'POST', headers, body));
    }
    await new Promise((done) => socket.once('readable', () => done(undefined)));
    const before = (await house.ask('memory')).used;
    let most = 0;
    const cut = await until(async () => {
      await house.ask('update', { times: 20, bytes: 100_000 });
      most = Math.max(most, (await house.ask('memory')).used - before);
      return (await house.cuts()).length > 0;
    });
    assert.ok(cut, 'it was cut');
    assert.ok(most < 30 * MB, `${Math.round(most / MB)} MB waited`);
    const [record] = await house.cuts();
    assert.equal(record!.agent, 'A');
    assert.match(record!.error!, /too far behind for more/);
    assert.ok(record!.responseBytes >= 16 * MB && record!.responseBytes < 17 * MB, `${record!.responseBytes}`);
    assert.ok(await until(async () => (await house.ask('memory')).used - before < 5 * MB), 'nothing of it stays');
    await serves(house, 'A');
  });

/** Reads an answer to its end, `bytes` at most every 50 ms; all at once where that is not given. */
async function readAll(socket: Socket, bytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let got = 0;
  const over = once(socket, 'close');
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece);
    got += piece.length;
    if (got < bytes) return;
    got = 0;
    socket.pause();
    setTimeout(() => socket.resume(), 50);
  });
  socket.resume();
  await over;
  return Buffer.concat(pieces);
}
const ending = { connection: 'close' };
const text = (answer: Buffer) => answer.subarray(answer.indexOf('"text":"') + 8, answer.lastIndexOf('"}'));

test('who takes nothing is cut after its time, and recorded with the call; who reads slowly is not, however long it takes', async (t) => {
  const silentMs = 2000;
  const house = await openHost(t, { connection: 4 * MB, reader: 64 * MB, all: 128 * MB, silentMs });
  const asleep = house.connect();
  asleep.write(callText(house.url, house.tokens['A']!, 'modern', 'large', ending));
  const slow = eras.map(async (era) => {
    const socket = house.connect();
    const session = era === 'legacy' ? await sessionOf(house, 'B') : {};
    socket.write(
      callText(house.url, house.tokens['B']!, era, 'large', { ...session, ...ending }).replace('host:', 'connection: close\r\nhost:'),
    );
    const startedAt = Date.now();
    const answer = await readAll(socket, 256 * 1024);
    return { answer, took: Date.now() - startedAt };
  });
  assert.ok(await until(async () => (await house.cuts()).length > 0), 'it was cut');
  for (const { answer, took } of await Promise.all(slow)) {
    assert.ok(text(answer).equals(large), 'byte for byte');
    assert.ok(took > silentMs, `it was slow enough to say something: ${took} ms`);
  }
  const cuts = await house.cuts();
  assert.deepEqual(
    cuts.map(({ agent, server, method, target, decision, outcome }) => ({ agent, server, method, target, decision, outcome })),
    [{ agent: 'A', server: 'one', method: 'tools/call', target: 'large', decision: 'deny', outcome: 'error' }],
  );
  assert.match(cuts[0]!.error!, /took nothing of it for 2 s/);
  const rest = await readAll(asleep);
  assert.ok(rest.length < large.length, 'what it reads after that is what the system had taken');
  await serves(house, 'A');
});

test('above the bound of an agent a new request is told so with -32005 and 503; reading what waits ends that', async (t) => {
  const house = await openHost(t, { connection: 4 * MB, reader: 10 * MB, all: 128 * MB, silentMs: 60_000 });
  const socket = house.connect();
  socket.write(callText(house.url, house.tokens['A']!, 'modern', 'large').replace('host:', 'connection: close\r\nhost:'));
  const call = () => modernRequest(house.url, house.tokens['A']!, 'tools/call', { name: 'one__small', arguments: {} });
  assert.ok(await until(async () => (await call()).status === 503));
  const refused = await call();
  const { code, message } = refused.json()['error'] as { code: number; message: string };
  assert.equal(code, -32005);
  assert.match(message, /Read them or close their connections/);
  assert.equal(refused.headers['retry-after'], '5');
  await serves(house, 'B');
  assert.ok(text(await readAll(socket)).equals(large), 'one answer may be larger than its connection and its agent may keep waiting');
  await serves(house, 'A');
});

test('one that does not read uses up nothing of the others: their answers come whole, and only its own are cut', async (t) => {
  const limits: UnreadLimits = { connection: 4 * MB, reader: 30 * MB, all: 50 * MB, silentMs: 60_000 };
  const house = await openHost(t, limits);
  for (let nth = 0; nth < 15; nth++) house.connect().write(callText(house.url, house.tokens['A']!, 'modern', 'large'));
  await until(async () => house.asked() > 2);
  for (let round = 0; round < 3; round++) {
    const answers = ['B', 'C', 'D'].map((agent) => {
      const socket = house.connect();
      socket.write(callText(house.url, house.tokens[agent]!, 'modern', 'large').replace('host:', 'connection: close\r\nhost:'));
      return readAll(socket, 2 * MB);
    });
    for (const answer of await Promise.all(answers)) assert.ok(text(answer).equals(large));
  }
  const cuts = await house.cuts();
  assert.ok(
    cuts.every(({ agent }) => agent === 'A'),
    JSON.stringify(cuts.map(({ agent, error }) => [agent, error])),
  );
});

/** The memory in use, once it is the same for a while. */
async function settled(house: House): Promise<number> {
  let last = 0;
  let same = 0;
  await until(async () => {
    const { used } = await house.ask('memory');
    same = Math.abs(used - last) < MB ? same + 1 : 0;
    last = used;
    return same >= 4;
  });
  return last;
}

test('the memory of ten rounds is that of three', async (t: TestContext) => {
  const house = await openHost(t);
  const session = await sessionOf(house, 'A');
  const before = await settled(house);
  const after: number[] = [];
  for (let nth = 0; nth < 10; nth++) {
    const asked = house.asked();
    house.connect().write(callText(house.url, house.tokens['A']!, 'legacy', 'large', session));
    for (const name of ['large', 'talk']) house.connect().write(callText(house.url, house.tokens['A']!, 'modern', name));
    await until(() => house.asked() === asked + 3);
    const waited = await until(async () => (await house.ask('memory')).used > (after.at(-1) ?? before) + 15 * MB);
    assert.ok(waited, 'something waits in each round');
    await house.leave();
    after.push(await settled(house));
  }
  const inMB = after.map((bytes) => Math.round(bytes / MB));
  assert.ok(after[9]! < after[2]! + 5 * MB, `${inMB} MB: a result that stays has 20`);
});
