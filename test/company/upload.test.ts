import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openUploader } from '../../src/company/upload.ts';
import { type SmallCentral, smallBundle, smallCentral } from '../support/central.ts';
import { client, person } from './open.ts';

interface Record {
  seq: number;
  previousHash: string;
  hash: string;
  text: string;
}
const route = 'POST /v1/ledger';

/** A hash chain in memory, with the cursor as the ledger keeps it. */
function chain() {
  const records: Record[] = [];
  const ledger = {
    records,
    cursor: 0,
    append(count: number, text = 'call') {
      for (let at = 0; at < count; at++) {
        const previousHash = records.at(-1)?.hash ?? '';
        const seq = records.length + 1;
        const hash = createHash('sha256').update(`${previousHash} ${seq} ${text}`).digest('base64url');
        records.push({ seq, previousHash, hash, text });
      }
    },
    unsent: async (after: number, limit: number, bytes: number) => {
      const behind = ledger.records.filter(({ seq }) => seq > after);
      let size = 0;
      const fits = behind.findIndex((record, at) => at === limit || ((size += JSON.stringify(record).length + 1) > bytes && at > 0));
      const batch = fits < 0 ? behind : behind.slice(0, fits);
      const last = batch.at(-1);
      return last && { first: batch[0]!.seq, last: last.seq, hash: last.hash, json: JSON.stringify(batch), chain: 'c', more: fits >= 0 };
    },
  };
  return ledger;
}

/** Takes records as src/central does: in order, known ones again, a gap or a contradiction with 409. */
function take(held: Record[], body: string): { status: number; value: object } {
  for (const record of (JSON.parse(body) as { records: Record[] }).records) {
    const stored = held[record.seq - 1];
    if (stored?.hash === record.hash) continue;
    const expected = held.length + 1;
    if (stored !== undefined)
      return { status: 409, value: { error: 'integrity', expected, message: `Record ${record.seq} has other content.` } };
    if (record.seq !== expected) return { status: 409, value: { error: 'conflict', expected } };
    held.push(record);
  }
  return { status: 200, value: { acknowledged: held.length } };
}

let central: SmallCentral;
let company: ReturnType<typeof client>;
let held: Record[];
const opened: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  central = await smallCentral();
  await central.publish(smallBundle(1));
  held = [];
  central.answers.set(route, (_, response, body) => {
    const { status, value } = take(held, body);
    response.writeHead(status).end(JSON.stringify(value));
  });
  company = client(central);
  await company.start(person);
});
afterEach(async () => {
  for (const upload of opened.splice(0)) await upload.close();
  await company.close();
  await central.close();
});

function uploader(ledger: ReturnType<typeof chain>, options: Partial<Parameters<typeof openUploader>[0]> = {}) {
  const waiting: { holds: () => boolean; resolve: () => void }[] = [];
  const check = () => {
    for (const waiter of waiting.splice(0)) waiter.holds() ? waiter.resolve() : waiting.push(waiter);
  };
  const upload = openUploader({
    unsent: ledger.unsent,
    cursor: () => ledger.cursor,
    acknowledge: async (seq) => {
      ledger.cursor = seq;
    },
    post: (records, chain, signal) => company.postLedger(records, chain, signal),
    changed: check,
    timing: { settleMs: 1, retryMs: 5, retryMaxMs: 20 },
    log: silent,
    ...options,
  });
  opened.push(upload);
  return {
    ...upload,
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        waiting.push({ holds, resolve });
        check();
      }),
  };
}
const same = (ledger: ReturnType<typeof chain>) => assert.deepEqual(held, ledger.records);

test('carries everything up in order and in batches, and what comes later too', async () => {
  const ledger = chain();
  ledger.append(4203);
  const upload = uploader(ledger);
  upload.poke();
  await upload.until(() => ledger.cursor === 4203);
  same(ledger);
  assert.deepEqual(
    central.seen.filter((entry) => entry.route === route).map(({ body }) => JSON.parse(body).records.length),
    [1000, 1000, 1000, 1000, 203],
  );
  ledger.append(2);
  upload.poke();
  upload.poke();
  await upload.until(() => ledger.cursor === 4205);
  same(ledger);
  assert.deepEqual(upload.status(), { uploaded: 4205 });
});

test('a batch says how large it may be, and one that is cut goes on with the rest', async () => {
  const ledger = chain();
  ledger.append(5, 'x'.repeat(400_000));
  ledger.append(1, 'x'.repeat(1_200_000));
  const upload = uploader(ledger);
  upload.poke();
  await upload.until(() => ledger.cursor === 6);
  assert.deepEqual(
    central.seen.filter((entry) => entry.route === route).map(({ body }) => JSON.parse(body).records.length),
    [2, 2, 1, 1],
  );
});

test('a crash after the central API took records and before the cursor moved sends them again, and none is doubled', async () => {
  const ledger = chain();
  ledger.append(700);
  const first = uploader(ledger, { acknowledge: () => new Promise(() => {}) });
  first.poke();
  await central.asked(route, 1);
  opened.length = 0;
  assert.equal(ledger.cursor, 0);
  const second = uploader(ledger);
  second.poke();
  await second.until(() => ledger.cursor === 700);
  same(ledger);
});

test('failures are retried, shown meanwhile, and end by themselves', async () => {
  const ledger = chain();
  ledger.append(10);
  const usual = central.answers.get(route)!;
  let failures = 3;
  central.answers.set(route, (request, response, body) => {
    if (failures-- > 0) response.writeHead(503).end('{"message":"out of order"}');
    else usual(request, response, body);
  });
  const upload = uploader(ledger);
  upload.poke();
  await upload.until(() => upload.status().error?.code === 'unavailable');
  await upload.until(() => ledger.cursor === 10 && upload.status().error === undefined);
  same(ledger);
});

test('a disk that does not take the cursor loses nothing', async () => {
  const ledger = chain();
  ledger.append(10);
  let failures = 2;
  const upload = uploader(ledger, {
    acknowledge: async (seq) => {
      if (failures-- > 0) throw new Error('disk full');
      ledger.cursor = seq;
    },
  });
  upload.poke();
  await upload.until(() => ledger.cursor === 10);
  same(ledger);
});

test('a central API that lost records gets them again; the cursor does not move back', async () => {
  const ledger = chain();
  ledger.append(900);
  const upload = uploader(ledger);
  upload.poke();
  await upload.until(() => ledger.cursor === 900);
  await upload.close();
  held.length = 120;
  ledger.append(5);
  const moves: number[] = [];
  const second = uploader(ledger, {
    acknowledge: async (seq) => {
      moves.push(seq);
      ledger.cursor = seq;
    },
  });
  second.poke();
  await second.until(() => ledger.cursor === 905);
  same(ledger);
  assert.deepEqual(moves, [905]);
});

test('records that it asks for and that are gone here are a contradiction, said in words', async () => {
  const ledger = chain();
  ledger.append(20);
  ledger.cursor = 15;
  ledger.records.splice(0, 10);
  const upload = uploader(ledger);
  upload.poke();
  await upload.until(() => upload.status().error !== undefined);
  assert.match(upload.status().error!.message, /records 1 to 10, which are no longer on this machine/);
  assert.equal(upload.status().error!.code, 'integrity');
  assert.deepEqual(held, []);
});

test('a central API that is ahead is followed only when its last record is ours', async () => {
  const ledger = chain();
  ledger.append(50);
  const hash = ledger.records[39]!.hash;
  const answers = [{ expected: 41, hash }, { expected: 41 }, { expected: 41, hash: 'other' }];
  for (const [at, ahead] of answers.entries()) {
    ledger.cursor = 10;
    held = ledger.records.slice(0, 40);
    const sent: number[] = [];
    central.answers.set(route, (_, response, body) => {
      const { seq } = JSON.parse(body).records[0];
      sent.push(seq);
      const { status, value } = seq === 11 ? { status: 409, value: ahead } : take(held, body);
      response.writeHead(status).end(JSON.stringify(value));
    });
    const upload = uploader(ledger);
    upload.poke();
    if (at < 2) {
      await upload.until(() => ledger.cursor === 50);
      assert.deepEqual(sent, at === 0 ? [11, 41] : [11, 40, 41]);
      same(ledger);
    } else {
      await upload.until(() => upload.status().error?.code === 'integrity');
      assert.equal(ledger.cursor, 10);
    }
    await upload.close();
  }
});

test('records of another chain under our name stop the upload and are said', async () => {
  const ledger = chain();
  const other = chain();
  ledger.append(5);
  other.append(5, 'forged');
  held = other.records.slice();
  const upload = uploader(ledger);
  upload.poke();
  await upload.until(() => upload.status().error?.code === 'integrity');
  assert.match(upload.status().error!.message, /other content/);
  assert.equal(ledger.cursor, 0);
});

test('an answer that acknowledges more than was sent skips nothing, and one that leads in circles ends', async () => {
  const ledger = chain();
  ledger.append(600);
  const usual = central.answers.get(route)!;
  central.answers.set(route, (_, response, body) => {
    take(held, body);
    response.end('{"acknowledged":99999}');
  });
  const upload = uploader(ledger);
  upload.poke();
  await upload.until(() => ledger.cursor === 600);
  await upload.close();
  same(ledger);
  for (const answer of ['{"acknowledged":3}', '{"expected":601}', '{"expected":2}', '{"expected":99999}', '{}', 'rubbish']) {
    ledger.append(1);
    const { cursor } = ledger;
    central.answers.set(route, (_, response) => response.writeHead(answer.startsWith('{"e') ? 409 : 200).end(answer));
    const second = uploader(ledger, { timing: { settleMs: 1, retryMs: 1e6, retryMaxMs: 1e6 } });
    const before = central.count(route);
    second.poke();
    await second.until(() => second.status().error !== undefined);
    assert.ok(central.count(route) - before <= 3, answer);
    assert.equal(ledger.cursor, cursor, answer);
    // The way out: it is right again, and somebody signs in.
    central.answers.set(route, usual);
    second.poke(true);
    await second.until(() => ledger.cursor === ledger.records.length);
    await second.close();
  }
  same(ledger);
});

test('rests while nobody is signed in, without an error, and goes on at the next poke', async () => {
  const ledger = chain();
  ledger.append(3);
  company.stop({ forget: false });
  let signedIn = false;
  const upload = uploader(ledger, { ready: () => signedIn });
  upload.poke(true);
  assert.deepEqual(upload.status(), { uploaded: 0 });
  await company.start(person);
  signedIn = true;
  upload.poke(true);
  await upload.until(() => ledger.cursor === 3);

  // Signed out in the middle of an upload.
  ledger.append(3);
  const usual = central.answers.get(route)!;
  central.answers.set(route, () => company.stop({ forget: true }));
  upload.poke(true);
  await central.asked(route, 2);
  central.answers.set(route, usual);
  await company.start(person);
  upload.poke(true);
  await upload.until(() => ledger.cursor === 6);
  assert.equal(upload.status().error, undefined);
  same(ledger);
});

test('closes in the middle of an upload that hangs', async () => {
  const ledger = chain();
  ledger.append(3);
  central.answers.set(route, () => {});
  const upload = uploader(ledger);
  upload.poke(true);
  await central.asked(route, 1);
  await upload.close();
  assert.equal(ledger.cursor, 0);
});
