import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Log } from '../../src/base/log.ts';
import type { UnreadLimits } from '../../src/base/unread.ts';
import type { View } from '../../src/contract/view.ts';
import { openWeb } from '../../src/headless/web.ts';
import { launchToken } from '../../src/headless/web-session.ts';
import { openControl } from '../../src/shell/control.ts';
import { controlPath } from '../../src/shell/control-path.ts';
import { serverJson } from '../central/company-folder.ts';
import { openAcme } from '../central/open.ts';
import { smallCore } from '../headless/small-core.ts';
import { folder } from '../shell/folder.ts';
import { MB, until } from '../support/unread.ts';

/** The other three doors: the control socket, the window's server and the central API count what waits unread as the gateway does. */

const limits: UnreadLimits = { connection: 4 * MB, reader: 16 * MB, all: 24 * MB, silentMs: 60_000 };

function warnings() {
  const said: string[] = [];
  const log: Log = { debug() {}, info() {}, error() {}, warn: (_facts, text) => void said.push(text) };
  return { log, cuts: () => said.filter((text) => /a connection.*was cut|control connection was cut/.test(text)) };
}

/** A View of so many bytes, the number of it at its end. */
const viewOf = (bytes: number, nth = 0): Partial<View> => ({
  agents: [{ name: `${'x'.repeat(bytes)}-${nth}` }] as unknown as View['agents'],
});

function client(t: TestContext, at: string | number): Socket {
  const socket = (typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1')).on('error', () => {});
  t.after(() => socket.destroy());
  return socket.pause();
}

/** Reads `bytes` at most every 20 ms, until it has seen enough or the connection ends. */
async function read(socket: Socket, enough: (pieces: Buffer[], got: number) => boolean, bytes = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let got = 0;
  let now = 0;
  await new Promise<void>((done) => {
    socket.once('close', () => done());
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      got += piece.length;
      now += piece.length;
      if (enough(pieces, got)) return done();
      if (now < bytes) return;
      now = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 20);
    });
    socket.resume();
  });
  return Buffer.concat(pieces);
}
const lines = (count: number) => {
  let seen = 0;
  return (pieces: Buffer[]) => {
    seen += pieces.at(-1)!.toString('latin1').split('\n').length - 1;
    return seen >= count;
  };
};
const line = (command: string) => `${JSON.stringify({ command })}\n`;

async function openSocket(t: TestContext, bytes: number, overrides: Partial<UnreadLimits> = {}) {
  const dataDir = folder(t);
  const { log, cuts } = warnings();
  let asked = 0;
  const core = smallCore({}, viewOf(bytes));
  const control = await openControl({ dataDir, log, unread: { ...limits, ...overrides } });
  t.after(() => control.close());
  const dispatch: typeof core.dispatch = (command, input) => {
    asked += 1;
    return core.dispatch(command, input);
  };
  control.attach({ dispatch, watch: core.watch }, { 'window-open': async () => ({}) });
  return { core, cuts, asked: () => asked, connect: () => client(t, controlPath(dataDir)) };
}

test('the control socket answers no more than is read, and keeps the newest of those that wait', async (t) => {
  const house = await openSocket(t, 5 * MB);
  const greedy = house.connect();
  greedy.write(line('status').repeat(15));
  await until(() => house.asked() > 0);
  const others = [];
  for (let nth = 0; nth < 8; nth++) {
    const other = house.connect();
    other.write(line('status'));
    others.push(other);
    assert.ok(await until(() => house.asked() === nth + 2));
  }
  assert.ok(await until(() => house.cuts().length >= 4), 'nine times 5 MB are more than 24');
  assert.equal(house.asked(), 9, 'one answer of the fifteen, and one of each other');
  const whole = [];
  for (const socket of others) whole.push((await read(socket, lines(1))).length > 5 * MB);
  assert.deepEqual(whole.slice(4), Array(4).fill(true), 'the newest are there');
  assert.ok(whole.filter((complete) => !complete).length >= 3, 'the stalest are cut');
  const asked = house.connect();
  asked.write(line('status'));
  assert.equal((await read(asked, lines(1))).at(-1), 10);
});

test('the control socket: a slow reader of one large answer goes on, one that takes nothing is cut', async (t) => {
  const house = await openSocket(t, 20 * MB, { reader: 64 * MB, all: 128 * MB, silentMs: 1500 });
  const slow = house.connect();
  slow.write(line('status'));
  const asleep = house.connect();
  asleep.write(line('status'));
  const startedAt = Date.now();
  const answer = await read(slow, lines(1), 128 * 1024);
  assert.ok(Date.now() - startedAt > 1500, 'it was slow enough to say something');
  assert.equal((JSON.parse(answer.toString()) as { value: View }).value.agents[0]!.name.length, 20 * MB + 2);
  assert.ok(await until(() => house.cuts().length === 1), 'and the other was cut');
  assert.match(house.cuts()[0]!, /took nothing of it for 1.5 s/);
});

test('the control socket: one watch for each connection, and none for one that is gone', async (t) => {
  const house = await openSocket(t, 1000);
  const many = house.connect();
  many.write(line('watch').repeat(1000));
  const answer = (await read(many, lines(1000))).toString().split('\n');
  assert.equal(house.core.watchers, 1);
  assert.match(answer[1]!, /"conflict".*watches already/);
  many.destroy();
  assert.ok(await until(() => house.core.watchers === 0));
});

async function openWindow(t: TestContext, view: Partial<View>) {
  const { log, cuts } = warnings();
  const core = smallCore({}, view);
  const token = launchToken();
  const web = await openWeb({ core, port: 0, token, files: new Map(), log, unread: limits });
  t.after(() => web.close());
  const base = `http://127.0.0.1:${web.port}`;
  const session = await fetch(`${base}/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: base },
    body: JSON.stringify({ token }),
  });
  assert.equal(session.status, 200);
  const { key } = (await session.json()) as { key: string };
  const headers = { cookie: session.headers.get('set-cookie')!.split(';')[0]!, origin: base, 'x-gatehouse-key': key };
  const request = (method: string, path: string, body = '') =>
    `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${web.port}\r\n${Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}${body === '' ? '' : `content-type: application/json\r\ncontent-length: ${body.length}\r\n`}\r\n${body}`;
  return { core, cuts, base, headers, request, connect: () => client(t, web.port) };
}

test("the window's server: calls whose answers nobody reads are bounded, and another window is served", async (t) => {
  const house = await openWindow(t, viewOf(8 * MB));
  const status = house.request('POST', '/call', JSON.stringify({ command: 'status', input: {} }));
  const sockets = Array.from({ length: 15 }, () => house.connect());
  for (const socket of sockets) socket.write(status);
  house.connect().write(status.repeat(15));
  // TCP takes four megabytes of each by itself, or a little more.
  assert.ok(await until(() => house.cuts().length >= 5), 'sixteen times 8 MB are more than 24');
  // While answers of the flood still come, the stalest connection of this one person's is cut, whichever that is.
  for (let before = -1; before !== house.cuts().length; await new Promise((resolve) => setTimeout(resolve, 500)))
    before = house.cuts().length;
  const answer = await fetch(`${house.base}/call`, {
    method: 'POST',
    headers: { ...house.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ command: 'status', input: {} }),
  });
  assert.ok((await answer.text()).length > 8 * MB);
});

test("the window's server: a window that reads its views slowly skips some, and is not cut", async (t) => {
  const house = await openWindow(t, viewOf(3 * MB));
  const slow = house.connect();
  slow.write(house.request('GET', '/watch'));
  let nth = 0;
  const more = setInterval(() => house.core.show(viewOf(3 * MB, ++nth)), 20);
  t.after(() => clearInterval(more));
  const seen = await read(slow, (_pieces, got) => got > 40 * MB, 512 * 1024);
  clearInterval(more);
  assert.deepEqual(house.cuts(), []);
  const numbers = [...seen.toString('latin1').matchAll(/x-(\d+)"/g)].map(([, number]) => Number(number));
  assert.ok(numbers.length >= 10);
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  assert.ok(numbers.at(-1)! > numbers.length + 10, `${numbers}: those it had no time for are skipped`);
});

test('the central API: bundles and ledger heads that nobody reads are bounded by person, and another person is served', async (t) => {
  const { log, cuts } = warnings();
  const acme = await openAcme(t, { log, unread: { ...limits, reader: 12 * MB, all: 64 * MB } });
  const tool = (nth: number) => ({
    name: `t${nth}`,
    description: 'd'.repeat(100_000),
    inputSchema: { type: 'object' },
    annotations: { readOnlyHint: true },
  });
  acme.write(
    'servers/wiki.json',
    serverJson(
      'wiki',
      Array.from({ length: 80 }, (_, nth) => tool(nth)),
    ),
  );
  const { port } = acme.central();
  const request = (path: string, token: string) =>
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const bob = await acme.token(['staff'], { claims: { sub: 'bob' } });
  let whole = 0;
  assert.ok(
    await until(async () => {
      whole = (await (await acme.get('/v1/bundle', bob, { 'accept-encoding': 'identity' })).text()).length;
      return whole > 10 * MB;
    }),
    `the large bundle is there: ${whole}`,
  );
  const ada = await acme.token(['staff']);
  const sockets = Array.from({ length: 15 }, () => client(t, port));
  for (const socket of sockets) socket.write(request('/v1/bundle', ada));
  client(t, port).write(request('/v1/bundle', ada).repeat(15));
  client(t, port).write(request('/v1/ledger', ada).repeat(20_000));
  assert.ok(await until(() => cuts().length >= 12), 'sixteen times 10 MB, less what TCP takes, are far more than twice 12');
  assert.equal((await (await acme.get('/v1/bundle', bob, { 'accept-encoding': 'identity' })).text()).length, whole);
  let alive = 0;
  for (const socket of sockets) {
    const { length } = await read(socket, (_pieces, got) => got >= whole);
    if (length >= whole) alive += 1;
  }
  assert.ok(alive >= 1 && alive <= 4, `${alive} of 15 waited`);
  const [refused] = (await once(
    client(t, port).on('connect', function (this: Socket) {
      this.write(request('/v1/ledger', ada));
      this.resume();
    }),
    'data',
  )) as [Buffer];
  assert.match(refused.toString(), /^HTTP\/1.1 4\d\d/);
});
