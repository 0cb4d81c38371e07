import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { type TestContext } from 'node:test';
import type { HeadKeeper } from '../../src/ledger/keeping.ts';
import { hashRecord } from '../../src/ledger/record.ts';
import { edit, entry, folder, key, open, opening, unsent, verified, written } from './entries.ts';

/** Verifies twice: while Gatehouse has it open, and as it was when Gatehouse started. */
async function verdicts(t: TestContext, count: number, tamper: (file: string) => void) {
  const running = await written(t, count);
  const ledger = await open(t, running);
  tamper(running);
  const while_ = await ledger.verify();
  await ledger.close();

  const stopped = await written(t, count);
  tamper(stopped);
  const again = await open(t, stopped);
  const after = await again.verify();
  const error = again.error();
  await again.close();
  // Starting once more must not make it good.
  const third = await open(t, stopped);
  assert.equal((await third.verify()).ok, false);
  assert.equal(third.healthy(), true);
  await third.close();
  return { while_, after, error };
}

const swap =
  'UPDATE records SET seq = -1 WHERE seq = 4; UPDATE records SET seq = 4 WHERE seq = 5; UPDATE records SET seq = 5 WHERE seq = -1';
const inMiddle: [name: string, sql: string, seq: number, message: RegExp][] = [
  ['an edited record', "UPDATE records SET decision = 'allow', target = 'other' WHERE seq = 4", 4, /Record 4 was changed/],
  ['an edited time', 'UPDATE records SET at = at + 1 WHERE seq = 4', 4, /Record 4 was changed/],
  ['an impossible time', 'UPDATE records SET at = 9000000000000000 WHERE seq = 4', 4, /Record 4 was changed/],
  ['an edited hash', "UPDATE records SET hash = 'x' WHERE seq = 4", 4, /Record 4 was changed/],
  ['a removed record', 'DELETE FROM records WHERE seq = 4', 4, /Record 4 is missing/],
  ['removed records', 'DELETE FROM records WHERE seq BETWEEN 3 AND 6', 3, /Records 3 to 6 are missing/],
  ['a removed beginning', 'DELETE FROM records WHERE seq < 3', 1, /Records 1 to 2 are missing/],
  ['reordered records', swap, 4, /Record 4 was changed/],
];

for (const [name, sql, seq, message] of inMiddle) {
  test(`verification finds ${name}`, async (t) => {
    const file = await written(t, 10);
    const ledger = await open(t, file);
    assert.deepEqual(await verified(ledger), { ok: true, records: 10 });
    edit(file, sql);
    const { ok, problem } = await ledger.verify();
    assert.equal(ok, false);
    assert.equal(problem?.seq, seq);
    assert.match(problem?.message ?? '', message);
  });
}

test('verification finds a record whose own hash was made to fit, by its successor', async (t) => {
  const file = await written(t, 10);
  const ledger = await open(t, file);
  const { hash: _, ...rest } = ledger.get(4)!;
  const forged = hashRecord({ ...rest, decision: 'deny' });
  edit(file, `UPDATE records SET decision = 'deny', hash = '${forged}' WHERE seq = 4`);
  assert.deepEqual((await ledger.verify()).problem?.seq, 5);
});

test('verification finds an inserted record that moves the later ones', async (t) => {
  const file = await written(t, 10);
  const ledger = await open(t, file);
  edit(
    file,
    `UPDATE records SET seq = -seq - 1 WHERE seq >= 4; UPDATE records SET seq = -seq WHERE seq < 0;
     INSERT INTO records SELECT 4, at, person, agent, server, method, 'inserted', decision, rule, reason, bundle_version, outcome, error, total_ms, upstream_ms,
       request_bytes, response_bytes, argument_hash, session, previous_hash, hash FROM records WHERE seq = 3`,
  );
  assert.equal((await ledger.verify()).problem?.seq, 4);
});

test('verification finds a shortened chain', async (t) => {
  const { while_, after, error } = await verdicts(t, 10, (file) => edit(file, 'DELETE FROM records WHERE seq > 7'));
  assert.deepEqual(while_.problem, { seq: 8, message: 'Records 8 to 10 are missing at the end.' });
  assert.deepEqual(after.problem, { seq: 8, message: 'Records 8 to 10 are missing.' });
  assert.equal(error?.code, 'integrity');
});

test('verification finds a chain that was emptied', async (t) => {
  const { while_, after } = await verdicts(t, 10, (file) => edit(file, 'DELETE FROM records'));
  assert.equal(while_.problem?.seq, 1);
  assert.equal(after.problem?.seq, 1);
});

test('verification finds a shortened chain whose head was rewritten to fit: the seal needs the key', async (t) => {
  const { while_, after } = await verdicts(t, 10, (file) =>
    edit(file, 'DELETE FROM records WHERE seq > 7; UPDATE head SET records = 7, seq = 7, hash = (SELECT hash FROM records WHERE seq = 7)'),
  );
  assert.equal(while_.problem?.seq, 8);
  assert.match(after.problem?.message ?? '', /not sealed|missing/);
});

test('verification finds records that another program put at the end', async (t) => {
  const more = `INSERT INTO records SELECT 11, at, person, agent, server, method, target, decision, rule, reason, bundle_version, outcome, error, total_ms,
    upstream_ms, request_bytes, response_bytes, argument_hash, session, hash, 'forged' FROM records WHERE seq = 10`;
  const { while_, after } = await verdicts(t, 10, (file) => edit(file, more));
  assert.match(while_.problem?.message ?? '', /Records 11 to 11 were added/);
  assert.equal(after.problem?.seq, 11);

  // The writer gets past them, and its own record is not lost.
  const file = await written(t, 10);
  const ledger = await open(t, file);
  edit(file, more);
  ledger.append(entry({ target: 'mine' }));
  await ledger.flush();
  assert.deepEqual(
    ledger.list({ limit: 2 }).items.map(({ seq, target, method }) => [seq, target || method]),
    [
      [13, 'mine'],
      [12, 'gatehouse/ledger-mismatch'],
    ],
  );
  assert.equal((await ledger.verify()).ok, false);
  assert.equal(ledger.error()?.code, 'integrity');
});

test('verification finds a record below the first', async (t) => {
  const file = await written(t, 3);
  const ledger = await open(t, file);
  edit(
    file,
    `INSERT INTO records SELECT -5, at, person, agent, server, method, target, decision, rule, reason, bundle_version, outcome, error, total_ms,
    upstream_ms, request_bytes, response_bytes, argument_hash, session, hash, 'forged' FROM records WHERE seq = 1`,
  );
  assert.equal((await ledger.verify()).problem?.seq, -5);
});

test('verification finds a database that was put back to an older state', async (t) => {
  const file = await written(t, 5);
  copyFileSync(file, `${file}.old`);
  const ledger = await open(t, file);
  for (let index = 0; index < 5; index++) ledger.append(entry());
  await ledger.flush();
  const last = ledger.get(10)?.hash;
  await ledger.close();
  for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true });
  renameSync(`${file}.old`, file);
  const again = await open(t, file);
  const { ok, problem } = await again.verify();
  assert.equal(ok, false);
  assert.deepEqual(problem, { seq: 6, message: 'Records 6 to 10 are missing.' });
  // Numbers that central may hold are not given out again, and what follows names the last of them, so that central can go on from it.
  again.append(entry());
  await again.flush();
  const [call, note] = again.list({ limit: 2 }).items;
  assert.deepEqual([call?.seq, note?.seq, note?.previousHash], [12, 11, last]);
});

test('verification finds a missing or forged anchor, a removed head, a trigger', async (t) => {
  const anchorGone = await verdicts(t, 3, (file) => rmSync(`${file}.anchor`));
  assert.match(anchorGone.while_.problem?.message ?? '', /anchor file beside the ledger is missing/);
  assert.match(anchorGone.after.problem?.message ?? '', /anchor file beside the ledger is missing/);

  const forged = await verdicts(t, 3, (file) => {
    const anchor = JSON.parse(readFileSync(`${file}.anchor`, 'utf8'));
    writeFileSync(`${file}.anchor`, JSON.stringify({ ...anchor, seq: 2, records: 2 }));
  });
  assert.match(forged.after.problem?.message ?? '', /anchor file is not sealed/);

  const headless = await verdicts(t, 3, (file) => edit(file, 'DELETE FROM head'));
  assert.match(headless.after.problem?.message ?? '', /head of the chain is missing/);

  const trigger = await verdicts(t, 3, (file) =>
    edit(file, 'CREATE TRIGGER forget AFTER INSERT ON records BEGIN DELETE FROM records WHERE seq < new.seq; END'),
  );
  assert.match(trigger.while_.problem?.message ?? '', /trigger forget/);
});

test('another key does not pass for this one, and a ledger without a seal does not pass as sealed', async (t) => {
  const file = await written(t, 3);
  const stranger = await open(t, file, { key: new Uint8Array(32).fill(1) });
  assert.equal((await stranger.verify()).ok, false);
  const bare = await written(t, 3, { key: undefined });
  const keyed = await open(t, bare, { key });
  assert.equal((await keyed.verify()).ok, false);
});

test('without a key everything is found but a rewrite that also fits head and anchor', async (t) => {
  const file = await written(t, 10, { key: undefined });
  edit(file, 'DELETE FROM records WHERE seq > 7');
  const ledger = await open(t, file, { key: undefined });
  assert.equal((await ledger.verify()).problem?.seq, 8);
});

test('what central acknowledged is compared with what lies here', async (t) => {
  const file = await written(t, 5);
  const ledger = await open(t, file);
  await ledger.acknowledge(4);
  assert.deepEqual(await verified(ledger), { ok: true, records: 5 });
  edit(file, "UPDATE cursor SET hash = 'what central has'");
  assert.match((await ledger.verify()).problem?.message ?? '', /Record 4 is not the one that central acknowledged/);
  await assert.rejects(ledger.acknowledge(6), { code: 'integrity' });
});

test('verification goes on while records arrive, and covers what was there', async (t) => {
  const ledger = await open(t, await written(t, 5000));
  const verdict = ledger.verify();
  for (let index = 0; index < 3000; index++) ledger.append(entry());
  const { ok, records } = await verdict;
  assert.equal(ok, true);
  assert.ok(records >= 5000);
  assert.deepEqual(await verified(ledger), { ok: true, records: 8000 });
});

test('the writer makes no file but its own', async (t) => {
  const file = await written(t, 3);
  assert.deepEqual(
    ['-wal', '.anchor.new', '-journal'].map((end) => existsSync(file + end)),
    [false, false, false],
  );
  const database = new DatabaseSync(file, { readOnly: true });
  assert.equal(database.prepare('PRAGMA integrity_check').get()!.integrity_check, 'ok');
  database.close();
});

test('the vault is told of the end at the start and at the close, and not with every commit between', async (t) => {
  const file = join(folder(t), 'ledger.db');
  const options = await opening(file);
  const told: number[] = [];
  const vault: HeadKeeper = {
    read: options.vault!.read,
    async write(head) {
      told.push((JSON.parse(head) as { seq: number }).seq);
      await options.vault!.write(head);
    },
  };
  const ledger = await open(t, file, { vault });
  for (let index = 0; index < 20; index++) {
    ledger.append(entry());
    await unsent(ledger, 0, 1); // what goes up is durable first
  }
  await ledger.close();
  assert.deepEqual(told, [0, 20]);
  // What did not change is not written again.
  const again = await open(t, file, { vault });
  await again.verify();
  await again.close();
  assert.deepEqual(told, [0, 20]);
});
