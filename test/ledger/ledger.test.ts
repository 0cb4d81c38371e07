import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { commands } from '../../src/contract/contract.ts';
import { hashRecord, type LedgerRecord } from '../../src/ledger/record.ts';
import { entry, folder, noon, open, unsent, verified } from './entries.ts';

const hour = 3_600_000;
const day = 24 * hour;
const filter = commands['activity-list'].parse;

test('a record is on the disk after flush, linked to the one before, durations in microseconds', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  assert.deepEqual(ledger.counts(), { records: 0, uploaded: 0 });
  ledger.append(entry());
  ledger.append(entry({ outcome: 'error', error: 'upstream closed', decision: 'allow' }));
  await ledger.flush();
  const [first, second] = [ledger.get(1)!, ledger.get(2)!];
  assert.equal(first.previousHash, '');
  assert.equal(second.previousHash, first.hash);
  assert.equal(first.totalMs, 12.346);
  assert.equal(first.at, '2026-11-23T12:00:00.000Z');
  assert.ok(!('error' in first));
  assert.equal(second.error, 'upstream closed');
  assert.equal(hashRecord(second), second.hash);
  assert.equal(ledger.get(3), undefined);
  assert.deepEqual(ledger.counts(), { records: 2, uploaded: 0 });
  assert.equal(ledger.error(), undefined);
  assert.equal(ledger.healthy(), true);
});

test('only the user may read the files', { skip: process.platform === 'win32' && 'no modes on Windows' }, async (t) => {
  const file = join(folder(t), 'ledger.db');
  const ledger = await open(t, file);
  ledger.append(entry());
  await ledger.flush();
  for (const end of ['', '-wal', '-shm', '.anchor']) assert.equal(statSync(file + end).mode & 0o777, 0o600, end);
});

test('the chain goes on after a restart', async (t) => {
  const file = join(folder(t), 'ledger.db');
  for (let round = 0; round < 3; round++) {
    const ledger = await open(t, file);
    for (let index = 0; index < 7; index++) ledger.append(entry());
    await ledger.close();
  }
  const ledger = await open(t, file);
  assert.deepEqual(await verified(ledger), { ok: true, records: 21 });
});

test('activity is paged newest first and filtered', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  for (let index = 1; index <= 250; index++)
    ledger.append(
      entry({
        at: noon - (250 - index) * 60_000,
        agent: index % 2 ? 'codex' : 'cursor',
        server: index % 5 ? 'tickets' : 'crm',
        target: index % 10 ? 'list_100%' : 'Delete_All',
        decision: index % 25 ? 'allow' : 'deny',
        outcome: index % 25 ? 'ok' : 'error',
        rule: `R-${index}`,
      }),
    );
  await ledger.flush();
  const seqs = (input: object) => {
    const { items, next } = ledger.list(filter({ limit: 500, ...input }) as ReturnType<typeof filter>);
    return { seqs: items.map(({ seq }) => seq), next };
  };
  const all = Array.from({ length: 250 }, (_, index) => 250 - index);

  const paged: number[] = [];
  for (let before: number | undefined; ; ) {
    const page = seqs({ limit: 60, ...(before === undefined ? {} : { before }) });
    paged.push(...page.seqs);
    if (page.next === undefined) break;
    before = page.next;
  }
  assert.deepEqual(paged, all);
  assert.deepEqual(seqs({ after: 240, before: 245 }).seqs, [244, 243, 242, 241]);
  const where = (keep: (seq: number) => boolean) => all.filter(keep);
  assert.deepEqual(
    seqs({ agent: 'codex' }).seqs,
    where((seq) => seq % 2 === 1),
  );
  assert.deepEqual(
    seqs({ server: 'crm', agent: 'codex' }).seqs,
    where((seq) => seq % 10 === 5),
  );
  assert.deepEqual(
    seqs({ tool: 'Delete_All' }).seqs,
    where((seq) => seq % 10 === 0),
  );
  assert.deepEqual(
    seqs({ decision: 'deny' }).seqs,
    where((seq) => seq % 25 === 0),
  );
  assert.deepEqual(
    seqs({ decision: 'allow', outcome: 'ok' }).seqs,
    where((seq) => seq % 25 !== 0),
  );
  assert.deepEqual(seqs({ outcome: 'error', limit: 3 }), { seqs: [250, 225, 200], next: 200 });
  assert.deepEqual(
    seqs({ text: 'delete' }).seqs,
    where((seq) => seq % 10 === 0),
  );
  assert.deepEqual(
    seqs({ text: '_100%' }).seqs,
    where((seq) => seq % 10 !== 0),
  );
  assert.deepEqual(seqs({ text: 'R-117' }).seqs, [117]);
  assert.deepEqual(seqs({ text: "'; DROP TABLE records" }).seqs, []);
  assert.deepEqual(seqs({ since: new Date(noon - 5 * 60_000).toISOString() }).seqs, all.slice(0, 6));
  assert.deepEqual(seqs({ since: new Date(noon + day).toISOString() }).seqs, []);
});

test('since finds records also where the clock went back', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  for (const at of [noon, noon + 5 * hour, noon - 3 * hour, noon + hour]) ledger.append(entry({ at }));
  await ledger.flush();
  const page = ledger.list(filter({ since: new Date(noon).toISOString() }) as ReturnType<typeof filter>);
  assert.deepEqual(
    page.items.map(({ seq }) => seq),
    [4, 2, 1],
  );
});

test('a search through more than one stretch of records comes back short with the place to go on from', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'), { limit: 200_000 });
  ledger.append(entry({ reason: 'needle' }));
  for (let index = 0; index < 60_000; index++) ledger.append(entry());
  await ledger.flush();
  const first = ledger.list(filter({ text: 'needle' }) as ReturnType<typeof filter>);
  assert.deepEqual(first, { items: [], next: 10_002 });
  const second = ledger.list(filter({ text: 'needle', before: first.next! }) as ReturnType<typeof filter>);
  assert.equal(second.items[0]!.seq, 1);
  assert.equal(second.next, undefined);
});

test('use is summed by hour and day, tool and agent; a denial is no error; notes and resources are no tools', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  ledger.append(entry({ at: noon - 23 * hour }));
  ledger.append(entry({ at: noon - 25 * hour }));
  ledger.append(entry({ at: noon - 6 * day, agent: 'codex' }));
  ledger.append(entry({ at: noon - 40 * day }));
  ledger.append(entry({ decision: 'deny', outcome: 'error', target: 'tickets_close' }));
  ledger.append(entry({ outcome: 'error' }));
  ledger.append(entry({ server: '__proto__', method: 'resources/read', target: 'file:///x' }));
  await ledger.flush();

  const today = ledger.usage('day');
  assert.equal(today.buckets.length, 24);
  assert.deepEqual(today.buckets[0], { at: '2026-11-22T13:00:00.000Z', calls: 1, denied: 0, errors: 0 });
  assert.deepEqual(today.buckets[23], { at: '2026-11-23T12:00:00.000Z', calls: 3, denied: 1, errors: 1 });
  assert.deepEqual(today.byTool, [
    { server: 'tickets', tool: 'tickets_list', calls: 2, denied: 0 },
    { server: 'tickets', tool: 'tickets_close', calls: 1, denied: 1 },
  ]);
  assert.deepEqual(today.byAgent, [{ agent: 'claude-code', calls: 4 }]);
  const week = ledger.usage('week');
  assert.deepEqual([week.buckets.length, week.buckets[0]?.at, week.buckets[0]?.calls], [7, '2026-11-17T00:00:00.000Z', 1]);
  const month = ledger.usage('month', 'tickets');
  assert.equal(month.buckets.length, 30);
  assert.equal(
    month.buckets.reduce((sum, { calls }) => sum + calls, 0),
    5,
  );
  assert.deepEqual(
    { ...ledger.today() },
    {
      calls: 3,
      denied: 1,
      errors: 1,
      byServer: Object.fromEntries([
        ['tickets', 2],
        ['__proto__', 1],
      ]),
      byAgent: { 'claude-code': 3 },
    },
  );
});

test('an export is paged newest first; its JSON lines hash to what they say, its CSV runs no formula', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  for (let index = 1; index <= 25; index++) ledger.append(entry({ target: index === 25 ? '=cmd|"calc"' : `tool, "${index}"\n` }));
  const first = await ledger.export('jsonl', undefined, 20);
  const second = await ledger.export('jsonl', first.next, 20);
  assert.equal(second.next, undefined);
  const records = (first.text + second.text)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LedgerRecord);
  assert.deepEqual(
    records.map(({ seq }) => seq),
    Array.from({ length: 25 }, (_, index) => 25 - index),
  );
  for (const record of records) assert.equal(hashRecord(record), record.hash);

  const csv = await ledger.export('csv', undefined, 2);
  assert.match(csv.text, /^seq,at,person,agent,server,method,target,.*,previousHash,hash\n25,/);
  assert.ok(csv.text.includes(`,"'=cmd|""calc""",`));
  assert.ok(csv.text.includes('"tool, ""24""\n"'));
  assert.ok(!(await ledger.export('csv', csv.next, 2)).text.startsWith('seq'));
});

test('listeners hear of each commit in order, and what they hear of is on the disk; one that throws harms nobody', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  const heard: number[] = [];
  ledger.onAppended(() => {
    throw new Error('a broken listener');
  });
  const stop = ledger.onAppended((seq) => {
    heard.push(seq);
    assert.equal(ledger.get(seq)?.seq, seq);
  });
  for (let index = 0; index < 1200; index++) {
    ledger.append(entry({ target: `tool_${index}`, error: index % 3 ? undefined : 'x' }));
    if (index % 100 === 0) await new Promise(setImmediate);
  }
  await ledger.flush();
  assert.equal(heard.at(-1), 1200);
  assert.deepEqual(
    heard,
    [...new Set(heard)].sort((a, b) => a - b),
  );
  const told = heard.length;
  stop();
  ledger.append(entry());
  await ledger.flush();
  assert.equal(heard.length, told);
});

test('an upload resumes exactly where central acknowledged, also after a restart', async (t) => {
  const file = join(folder(t), 'ledger.db');
  const ledger = await open(t, file);
  for (let index = 0; index < 10; index++) ledger.append(entry());
  const seqs = (records: LedgerRecord[]) => records.map(({ seq }) => seq);
  assert.deepEqual(seqs(await unsent(ledger, ledger.cursor(), 4)), [1, 2, 3, 4]);
  await ledger.acknowledge(4);
  await ledger.acknowledge(2);
  assert.equal(ledger.cursor(), 4);
  assert.deepEqual(ledger.counts(), { records: 10, uploaded: 4 });
  await ledger.close();
  const again = await open(t, file);
  assert.equal(again.cursor(), 4);
  assert.deepEqual(seqs(await unsent(again, again.cursor(), 100)), [5, 6, 7, 8, 9, 10]);
  await again.acknowledge(10);
  assert.deepEqual(await unsent(again, again.cursor(), 100), []);
});

test('a batch for central is cut by number and by size, one record at least, and says whether there is more', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  assert.equal(await ledger.unsent(0, 10, 1000), undefined);
  for (let index = 0; index < 6; index++) ledger.append(entry({ reason: 'x'.repeat(1000) }));
  const shape = async (after: number, limit: number, bytes: number) => {
    const { json, hash, chain, ...rest } = (await ledger.unsent(after, limit, bytes))!;
    assert.match(chain, /^[0-9a-f-]{36}$/);
    assert.equal((JSON.parse(json) as LedgerRecord[]).at(-1)!.hash, hash);
    assert.equal(ledger.get(rest.last)?.hash, hash);
    return rest;
  };
  assert.deepEqual(await shape(0, 4, 1e6), { first: 1, last: 4, more: true });
  assert.deepEqual(await shape(4, 4, 1e6), { first: 5, last: 6, more: false });
  assert.deepEqual(await shape(0, 6, 1e6), { first: 1, last: 6, more: false });
  assert.deepEqual(await shape(0, 6, 4000), { first: 1, last: 2, more: true });
  assert.deepEqual(await shape(2, 6, 10), { first: 3, last: 3, more: true });
});

test('a closed ledger says so', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  await ledger.close();
  await ledger.close();
  ledger.append(entry());
  assert.equal(ledger.healthy(), false);
  assert.throws(() => ledger.get(1), { code: 'not-running' });
  await assert.rejects(ledger.flush(), { code: 'not-running' });
});
