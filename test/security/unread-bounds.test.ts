import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setImmediate as round } from 'node:timers/promises';
import fc from 'fast-check';
import { type Reply, replyServer } from '../../src/base/reply.ts';
import { type Cut, type Outgoing, Unread, type UnreadLimits } from '../../src/base/unread.ts';
import { controlPath } from '../../src/shell/control-path.ts';

/** The bounds themselves, over a local socket: its system keeps 200 kB of what nobody reads, where TCP keeps four megabytes. */

const kB = 1024;
const limits: UnreadLimits = { connection: 512 * kB, reader: 1024 * kB, all: 3072 * kB, silentMs: 60_000 };

async function open(t: TestContext, handle: (request: IncomingMessage, response: Reply) => void, overrides: Partial<UnreadLimits> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'gatehouse-unread-'));
  const path = controlPath(dir);
  const cuts: (Cut & { to: Outgoing })[] = [];
  const unread = new Unread({ ...limits, ...overrides }, (cut, to) => cuts.push({ ...cut, to }));
  const server = replyServer({}, unread, handle);
  await new Promise<void>((done) => server.listen(path, done));
  t.after(async () => {
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
    unread.close();
    await rm(dir, { recursive: true, force: true });
  });
  return { path, unread, cuts, server };
}

/** Bytes that can be told apart wherever one looks: what is lost, doubled or out of order shows. */
function told(from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = ((from + at) * 31 + ((from + at) >> 8)) & 0xff;
  return bytes;
}

function drained(reply: Reply): Promise<unknown> {
  return reply.writableNeedDrain && !reply.destroyed ? Promise.race([once(reply, 'drain'), once(reply, 'close')]) : Promise.resolve();
}

const get = (head = '') => `GET / HTTP/1.1\r\nHost: x\r\n${head}\r\n`;

test('whoever reads or does not, in whatever numbers, sizes and mixes: what waits stays within the bounds after each step', async (t) => {
  const waiting: ((reply: Reply) => void)[] = [];
  const { path, unread, cuts } = await open(t, (request, response) => {
    response.reader = String(request.headers['reader']);
    waiting.shift()!(response.writeHead(200, { 'content-type': 'application/octet-stream' }) as unknown as Reply);
  });
  const connection = fc.record({ reader: fc.constantFrom('a', 'b', 'c'), reads: fc.boolean() });
  const step = fc.record({
    connection: fc.nat(),
    bytes: fc.oneof(
      fc.integer({ min: 1, max: 700 * kB }),
      fc.integer({ min: 1, max: 2000 }),
      fc.integer({ min: kB * kB, max: 4 * kB * kB }),
    ),
    ends: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  });
  let cutInAll = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(connection, { minLength: 1, maxLength: 10 }),
      fc.array(step, { minLength: 10, maxLength: 60 }),
      async (connections, steps) => {
        cuts.length = 0;
        const ends: End[] = [];
        for (const { reader, reads } of connections) {
          const reply = new Promise<Reply>((done) => waiting.push(done));
          const client = connect(path).on('error', () => {});
          client.write(get(`Reader: ${reader}\r\nConnection: close\r\n`));
          if (!reads) client.pause();
          const heard = reads ? body(client) : undefined;
          ends.push({ reads, client, heard, reply: await reply, said: 0, longest: 0, writes: 0, over: false });
        }
        const live = () => ends.filter(({ reply }) => !reply.destroyed && !reply.writableFinished).map(({ reply }) => reply);
        const sum = (replies: Reply[]) => replies.reduce((all, reply) => all + reply.unreadLength, 0);
        for (const { connection: nth, bytes, ends: last } of steps) {
          const end = ends[nth % ends.length]!;
          const { reply } = end;
          if (end.over || reply.destroyed) continue;
          if (end.reads) await drained(reply);
          const before = reply.unreadLength;
          if (last) reply.end(told(end.said, bytes));
          else reply.write(told(end.said, bytes));
          end.over = last;
          end.writes += 1;
          if (!reply.destroyed) {
            assert.ok(before <= limits.connection, 'whoever was too far behind is said nothing more');
            end.said += bytes;
            end.longest = Math.max(end.longest, bytes);
          }
          for (const end of ends) {
            const framing = 600 + 40 * (end.writes + end.said / (200 * kB));
            if (!end.reply.destroyed) assert.ok(end.reply.unreadLength <= limits.connection + end.longest + framing, 'of a connection');
          }
          const own = reply.destroyed ? 0 : reply.unreadLength;
          const { reader } = reply;
          const most = Math.max(2 * limits.reader, own);
          assert.ok(sum(live().filter((reply) => reply.reader === reader)) <= most, 'of a reader');
          assert.ok(sum(live()) <= Math.max(limits.all, own), 'of all');
          assert.equal(unread.bytes, sum(live()), 'nothing waits uncounted');
          assert.equal(unread.isBehind(reader), sum(live().filter((reply) => reply.reader === reader)) > limits.reader);
          await round();
        }
        cutInAll += cuts.length;
        for (const end of ends) {
          if (!end.over) end.reply.end();
          if (!end.reads) end.client.destroy();
          else {
            const got = await end.heard!;
            const cut = cuts.some(({ to }) => to === end.reply);
            assert.ok(cut || got.length === end.said, `${got.length} of ${end.said} bytes came to one that read and was not cut`);
            assert.ok(told(0, got.length).equals(got), 'what came is what was said');
          }
        }
        while (live().length > 0) await round();
        assert.equal(unread.bytes, 0, 'nothing is left when all are gone');
      },
    ),
    { numRuns: 40, seed: 7 },
  );
  assert.ok(cutInAll > 20, `the bounds were met: ${cutInAll} cuts`);
});

interface End {
  reads: boolean;
  client: Socket;
  heard: Promise<Buffer> | undefined;
  reply: Reply;
  /** Bytes, and those of the longest thing said. */
  said: number;
  longest: number;
  writes: number;
  over: boolean;
}

/** The body of a chunked answer that ends with its connection, or as much of it as came. */
async function body(client: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  client.on('data', (piece: Buffer) => pieces.push(piece));
  await once(client, 'close');
  const all = Buffer.concat(pieces);
  const chunks: Buffer[] = [];
  let at = all.indexOf('\r\n\r\n') + 4;
  if (at === 3) return Buffer.alloc(0);
  while (at < all.length) {
    const line = all.indexOf('\r\n', at);
    if (line < 0) break;
    const length = Number.parseInt(all.subarray(at, line).toString('latin1'), 16);
    if (length === 0) break;
    chunks.push(all.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
  return Buffer.concat(chunks);
}

interface Got {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}
function send(socketPath: string, method: string): Promise<Got> {
  return new Promise((done, fail) => {
    const outgoing = httpRequest({ socketPath, method, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece)).on('error', fail);
      response.on('end', () => done({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(pieces) }));
    });
    outgoing.on('error', fail).end();
  });
}

test('a reply is a response: piped, in pieces, without a body; large or not, nothing of it is lost', async (t) => {
  const large = told(0, 3_000_000);
  let answer: (reply: Reply) => void = () => {};
  const { path, unread, cuts } = await open(t, (_request, response) => answer(response));
  const ask = (method: string, how: typeof answer) => {
    answer = how;
    return send(path, method);
  };
  assert.ok(
    (await ask('GET', (reply) => void Readable.from([large, 'and', large]).pipe(reply as never))).body.equals(
      Buffer.concat([large, Buffer.from('and'), large]),
    ),
  );
  assert.ok((await ask('GET', (reply) => reply.end([large, '', large, 'é']))).body.equals(Buffer.concat([large, large, Buffer.from('é')])));
  assert.equal((await ask('GET', (reply) => reply.end(['', '']))).body.length, 0);
  for (const [method, status] of [
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ] as const) {
    const got = await ask(method, (reply) => reply.writeHead(status, status === 200 ? { 'content-length': large.length } : {}).end(large));
    assert.deepEqual([got.status, got.body.length], [status, 0]);
  }
  const gone = ask('GET', (reply) => {
    reply.writeHead(200, { 'content-length': large.length }).write(large.subarray(0, 1000));
    setImmediate(() => {
      reply.destroy();
      reply.end(large);
      assert.equal(reply.unreadLength < large.length, true, 'what nobody can take is not kept');
      assert.equal(reply.write('more'), false);
    });
  });
  await assert.rejects(gone, { code: 'ECONNRESET' });
  assert.equal(unread.bytes, 0);
  assert.deepEqual(cuts, [], 'an answer of many times the bound is no reason for a cut where its reader reads');
});

test('a writer that skips to the newest hears that it may go on when all of the last has gone, and not before', async (t) => {
  let reply: Reply | undefined;
  const { path, cuts } = await open(t, (_request, response) => {
    reply = response.writeHead(200, { 'content-type': 'text/event-stream' }) as unknown as Reply;
    let left = 20;
    const next = () => {
      assert.ok(reply!.unreadLength < 256 * kB, `${reply!.unreadLength} bytes of the last one wait`);
      if (left-- === 0) return void reply!.end();
      if (reply!.write(told(0, 2_000_000))) setImmediate(next);
      else reply!.once('drain', next);
    };
    next();
  });
  assert.equal((await send(path, 'GET')).body.length, 40_000_000);
  assert.deepEqual(cuts, []);
});

test('requests of one connection that wait for their turn are bounded, whether its answers are read or not', async (t) => {
  let read = 0;
  let handled = 0;
  let most = 0;
  const { path, server } = await open(t, (_request, response) => {
    handled += 1;
    most = Math.max(most, read - handled);
    setImmediate(() => response.end('x'));
  });
  server.prependListener('request', () => {
    read += 1;
  });
  const client = connect(path);
  const asked = 20_000;
  let answers = 0;
  client.on('data', (piece: Buffer) => {
    answers += piece.toString('latin1').split('HTTP/1.1 200').length - 1;
    if (handled === asked) client.end();
  });
  client.write(get().repeat(asked));
  await once(client, 'close');
  assert.equal(handled, asked);
  assert.ok(answers > asked - 200, `${answers}: a word may be cut in two by a piece's edge`);
  // What is read at once is 64 kB, and one request here has 27 bytes.
  assert.ok(most <= (2 * 64 * kB) / get().length, `${most} requests waited`);
});

test('a client that goes away while its requests wait leaves none of them behind', async (t) => {
  const handled: IncomingMessage[] = [];
  const { path, unread, server } = await open(t, (request, response) => {
    handled.push(request);
    response.writeHead(200, { 'content-length': 30_000_000 }).end(told(0, 30_000_000));
  });
  const client = connect(path);
  client.pause();
  client.write(get().repeat(50));
  while (handled.length === 0 || unread.bytes < 20_000_000) await round();
  client.destroy();
  const connections = () => new Promise<number>((done) => server.getConnections((_error, count) => done(count)));
  while ((await connections()) > 0) await round();
  assert.equal(handled.length, 1, 'those that waited are not begun for nobody');
  await round();
  assert.equal(unread.bytes, 0);
  assert.equal((await send(path, 'GET')).body.length, 30_000_000);
});

/** A connection of which its reader takes as much as the test says. */
function connectionOf(bytes: number): Outgoing & { take(bytes: number): void } {
  const socket = { bytesWritten: bytes, writableLength: bytes };
  return {
    socket: socket as unknown as Socket,
    destroyed: false,
    get writableLength() {
      return socket.writableLength;
    },
    destroy: () => {},
    take(taken) {
      socket.writableLength = Math.max(0, socket.writableLength - taken);
    },
  };
}

test('where there is no more room, an answer waits for those who read instead of having one of them cut', async (t) => {
  const cuts: Cut[] = [];
  const unread = new Unread({ connection: 1000, reader: 600, all: 1000, silentMs: 60_000 }, (cut) => cuts.push(cut));
  t.after(() => unread.close());
  const reading = ['b', 'c'].map((reader) => {
    const to = connectionOf(500);
    unread.note(to, reader);
    return to;
  });
  const took = setInterval(() => {
    for (const to of reading) to.take(20);
  }, 50);
  t.after(() => clearInterval(took));
  const hold = unread.hold('d');
  const start = performance.now();
  await hold.grow(500);
  assert.ok(unread.bytes + 500 <= 1000, 'the others had read as much');
  assert.ok(performance.now() - start > 200, 'it waited for that');
  assert.equal(hold.grow(400), undefined, 'now there is room');
  unread.note(connectionOf(500), 'd');
  hold.release();
  assert.deepEqual(cuts, []);
});

test('one that takes a byte at a time holds an answer up for seconds, and for all of its pieces once', async (t) => {
  const cuts: Cut[] = [];
  const unread = new Unread({ connection: 10_000, reader: 10_000, all: 1000, silentMs: 60_000 }, ({ reader }) =>
    cuts.push({ reader } as Cut),
  );
  t.after(() => unread.close());
  const dribbling = connectionOf(990);
  unread.note(dribbling, 'a');
  const took = setInterval(() => dribbling.take(1), 200);
  t.after(() => clearInterval(took));
  const hold = unread.hold('b');
  const start = performance.now();
  for (let held = 200; held <= 1000; held += 200) await hold.grow(held);
  const waited = performance.now() - start;
  assert.ok(waited > 4000 && waited < 8000, `${Math.round(waited)} ms`);
  hold.release();
});

test('where nobody reads, the first answer of each reader goes on, and its second one when that is over', async (t) => {
  const unread = new Unread({ connection: 10_000, reader: 10_000, all: 1000, silentMs: 60_000 });
  t.after(() => unread.close());
  assert.equal(unread.hold('a').grow(900), undefined);
  const [first, second] = [unread.hold('b'), unread.hold('b')];
  assert.equal(first.grow(600), undefined, 'nothing waits unread that could go');
  let gone = false;
  const later = second.grow(600)!.then(() => {
    gone = true;
  });
  await round();
  assert.equal(gone, false);
  first.release();
  await later;
});
