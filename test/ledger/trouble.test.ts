import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { silent } from '../../src/base/log.ts';
import { openQueue } from '../../src/ledger/queue.ts';
import { toRow } from '../../src/ledger/record.ts';
import { edit, entry, folder, key, noon, open, unsent, verified, written } from './entries.ts';

/** Until something holds; the test runner's own time limit ends a wait in vain. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const refuse = "CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'no room'); END";

test('a ledger that cannot write refuses calls, keeps what it has, and goes on by itself', async (t) => {
  const file = await written(t, 2);
  const ledger = await open(t, file);
  edit(file, refuse);
  ledger.append(entry({ target: 'kept' }));
  await until(() => !ledger.healthy());
  assert.equal(ledger.error()?.code, 'unavailable');
  assert.match(ledger.error()?.message ?? '', /no room/);
  await assert.rejects(ledger.flush(), { code: 'unavailable' });
  ledger.append(entry({ target: 'kept too' }));
  edit(file, 'DROP TRIGGER full');
  await until(() => ledger.healthy());
  await ledger.flush();
  assert.deepEqual(
    ledger.list({ limit: 2 }).items.map(({ target }) => target),
    ['kept too', 'kept'],
  );
  assert.deepEqual(await verified(ledger), { ok: true, records: 4 });
  assert.equal(ledger.error(), undefined);
});

test('a queue that fills up refuses calls; what finds no room is counted in the chain', async (t) => {
  const file = await written(t, 0);
  const ledger = await open(t, file, { limit: 10 });
  edit(file, refuse);
  for (let index = 0; index < 11; index++) ledger.append(entry());
  assert.equal(ledger.healthy(), false);
  for (let index = 0; index < 14; index++) ledger.append(entry());
  await until(() => ledger.error() !== undefined);
  edit(file, 'DROP TRIGGER full');
  await until(() => ledger.healthy());
  ledger.append(entry({ target: 'after' }));
  await ledger.flush();
  const [after, gap] = ledger.list({ limit: 2 }).items;
  assert.equal(after?.target, 'after');
  assert.equal(gap?.method, 'gatehouse/ledger-gap');
  assert.match(gap?.reason ?? '', /^5 records could not be kept/);
  assert.deepEqual(await verified(ledger), { ok: true, records: 22 });
  assert.equal(ledger.today().calls, 21);
});

for (const [name, break_] of [
  ['garbage', (file: string) => writeFileSync(file, 'this is no database, '.repeat(1000))],
  [
    'a broken page',
    (file: string) => {
      const bytes = readFileSync(file);
      bytes.fill(0xff, 100, 8192);
      writeFileSync(file, bytes);
    },
  ],
  ['a missing table', (file: string) => edit(file, 'DROP TABLE head')],
] as const) {
  test(`${name}: the file is kept aside, and a new chain begins that says so and goes on counting`, async (t) => {
    const file = await written(t, 5);
    break_(file);
    const ledger = await open(t, file);
    const kept = readdirSync(dirname(file)).filter((each) => each.startsWith('ledger.db.damaged-2026-11-23T12-00-00-000Z'));
    assert.ok(kept.length >= 1);
    const [note] = ledger.list({ limit: 10 }).items;
    assert.equal(note?.method, 'gatehouse/ledger-restarted');
    assert.equal(note?.seq, 6);
    assert.ok(note?.reason.includes('ledger.db.damaged-2026-11-23T12-00-00-000Z'));
    assert.equal(ledger.error()?.code, 'integrity');
    assert.equal(ledger.healthy(), true);
    assert.equal(ledger.today().calls, 0);
    ledger.append(entry());
    const { ok, problem } = await ledger.verify();
    assert.deepEqual([ok, problem?.seq], [false, 6]);
    // That central knows does not bring the records back: a person accepts the loss, and the chain says so.
    await ledger.acknowledge(7);
    assert.equal((await ledger.verify()).problem?.seq, 6);
    assert.deepEqual(await ledger.acceptLoss('ann'), { seq: 6 });
    assert.equal(ledger.error(), undefined);
    const [accepted] = ledger.list({ limit: 1 }).items;
    assert.deepEqual([accepted?.person, accepted?.method, accepted?.seq], ['ann', 'gatehouse/ledger-loss-accepted', 8]);
    assert.deepEqual(await verified(ledger), { ok: true, records: 3 });
    await assert.rejects(ledger.acceptLoss('ann'), { code: 'not-found' });
    await ledger.close();
    const again = await open(t, file);
    assert.equal(again.error(), undefined);
    const { ok: still, loss } = await again.verify();
    assert.deepEqual([still, loss?.seq], [true, 6]);
  });
}

test('a file that breaks while Gatehouse runs is put aside without a call being lost', async (t) => {
  const file = await written(t, 5);
  const ledger = await open(t, file);
  await ledger.acknowledge(5);
  edit(file, 'DROP TABLE records');
  ledger.append(entry({ target: 'first' }));
  await new Promise(setImmediate);
  ledger.append(entry({ target: 'second' }));
  await until(() => ledger.error()?.code === 'integrity' && ledger.healthy());
  ledger.append(entry({ target: 'third' }));
  await ledger.flush();
  assert.deepEqual(
    ledger.list({ limit: 10 }).items.map(({ seq, target, method }) => [seq, target || method]),
    [
      [9, 'third'],
      [8, 'second'],
      [7, 'first'],
      [6, 'gatehouse/ledger-restarted'],
    ],
  );
  assert.ok(readdirSync(dirname(file)).some((each) => each.includes('.damaged-')));
  assert.deepEqual((await ledger.verify()).problem?.seq, 6);
});

test('a deleted database is noticed by its anchor', async (t) => {
  const file = await written(t, 5);
  rmSync(file);
  const ledger = await open(t, file);
  const { ok, problem } = await ledger.verify();
  assert.deepEqual([ok, problem?.seq], [false, 6]);
  assert.match(problem?.message ?? '', /missing; it held 5 records/);
});

test('a file that is taken away while Gatehouse runs stops the calls', async (t) => {
  const file = await written(t, 5);
  const ledger = await open(t, file);
  rmSync(file);
  ledger.append(entry());
  await until(() => !ledger.healthy());
  assert.equal(ledger.error()?.code, 'integrity');
  assert.equal((await ledger.verify()).ok, false);
});

test('a folder that cannot be used, and a file of a newer Gatehouse, are refused in words', async (t) => {
  await assert.rejects(open(t, join(folder(t), 'no', 'such', 'folder', 'ledger.db')), { code: 'unavailable' });
  const file = await written(t, 1);
  edit(file, 'PRAGMA user_version = 99');
  await assert.rejects(open(t, file), { code: 'conflict', message: /newer Gatehouse/ });
  const locked = join(folder(t), 'locked');
  mkdirSync(locked);
  chmodSync(locked, 0o500);
  if (process.getuid?.() !== 0 && process.platform !== 'win32')
    await assert.rejects(open(t, join(locked, 'ledger.db')), { code: 'unavailable' });
});

test('a writer thread that dies is started again; nothing is lost, nothing doubled', async (t) => {
  const file = join(folder(t), 'ledger.db');
  const heard: number[] = [];
  const queue = await openQueue({ file, key, vault: undefined, at: noon }, silent, () => noon, {
    ready() {},
    durable() {},
    trouble() {},
    release() {},
    committed: (seq) => heard.push(seq),
  });
  const total = 4000;
  for (let index = 1; index <= total; index++) {
    queue.push(toRow(entry({ requestBytes: index }), () => noon));
    if (index % 40 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (index === 1000 || index === 3000) {
      const killed = queue.worker().terminate();
      await until(() => queue.failing() !== undefined);
      await killed;
    }
  }
  await until(() => queue.failing() === undefined);
  await queue.ask('flush', undefined);
  assert.equal(queue.behind(), 0);
  await queue.close();

  const ledger = await open(t, file);
  assert.deepEqual(await verified(ledger), { ok: true, records: total });
  const stored = (await unsent(ledger, 0, total)).map(({ requestBytes }) => requestBytes);
  assert.deepEqual(
    stored,
    Array.from({ length: total }, (_, index) => index + 1),
  );
  // What a dying writer committed without a word is on the disk, though no listener heard of it.
  assert.deepEqual(
    heard,
    [...new Set(heard)].sort((a, b) => a - b),
  );
});
