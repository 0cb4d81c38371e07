// Sums for charts and the upload's cursor lie in the ledger's file and are in no chain: verification draws them from the records again, and asks central.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ledger, openLedger } from '../../src/ledger/ledger.ts';
import { edit, entry, noon, opening } from '../ledger/entries.ts';

type Head = { seq: number; hash: string; incidents: string[] };

/** A folder of one ledger, for one run. */
async function within(work: (file: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-drawn-'));
  try {
    await work(join(dir, 'ledger.db'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const endOf = (ledger: Ledger): Head => {
  const { seq, hash } = ledger.list({ limit: 1 }).items[0]!;
  return { seq, hash, incidents: [] };
};

const hour = 3_600_000;
const call = fc.record({
  at: fc.integer({ min: -30, max: 30 }).map((hours) => noon + hours * hour + 17),
  agent: fc.constantFrom('a', 'b', '__proto__'),
  server: fc.constantFrom('tickets', 'wiki', ''),
  method: fc.constantFrom('tools/call', 'resources/read', 'gatehouse/ledger-gap'),
  target: fc.constantFrom('one', 'two', '["x"]'),
  decision: fc.constantFrom('allow' as const, 'deny' as const),
  outcome: fc.constantFrom('ok' as const, 'error' as const),
});
const table = fc.constantFrom('hours', 'days');
const row = (of: string) => `(SELECT at FROM ${of} ORDER BY at LIMIT 1)`;
const tampering = fc.oneof(
  fc
    .tuple(table, fc.constantFrom('calls', 'denied', 'errors', 'first_seq'), fc.constantFrom(-1, 1, 1000))
    .map(([of, column, by]) => `UPDATE ${of} SET ${column} = ${column} + ${by} WHERE at = ${row(of)}`),
  table.map((of) => `UPDATE ${of} SET calls = 1, denied = 0; INSERT INTO ${of} VALUES (0, 'x', '', 'x', 1, 0, 0, 1)`),
  table.map((of) => `DELETE FROM ${of} WHERE at = ${row(of)}`),
  table.map((of) => `DELETE FROM ${of}`),
  fc
    .tuple(table, fc.constantFrom('server', 'tool', 'agent'))
    .map(([of, column]) => `UPDATE ${of} SET ${column} = 'other' || ${column} WHERE at = ${row(of)}`),
  fc.tuple(table, fc.constantFrom(1, -hour, 9e15)).map(([of, by]) => `UPDATE ${of} SET at = at + ${by} WHERE at = ${row(of)}`),
);

for (const running of [true, false])
  test(`sums that are not what the records add up to are found, ${running ? 'while it runs' : 'after a start'}; those that are, are not`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(call, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 }),
        tampering,
        (batches, sql) =>
          within(async (file) => {
            const options = await opening(file);
            let ledger = await openLedger(options);
            for (const batch of batches) {
              for (const fields of batch) ledger.append(entry(fields));
              await ledger.flush();
            }
            assert.equal((await ledger.verify()).ok, true);
            if (!running) await ledger.close();
            edit(file, sql);
            if (!running) ledger = await openLedger(options);
            const { ok, problem } = await ledger.verify();
            await ledger.close();
            assert.equal(ok, false, sql);
            assert.match(problem!.message, /^The counts of .+ were changed.* The records are whole\.$/);
          }),
      ),
      { numRuns: running ? 20 : 10, seed: 2 },
    );
  });

for (const running of [true, false])
  test(`a cursor beyond what the central API holds is found, ${running ? 'while it runs' : 'after a start'}; one that it overtook is none`, async () => {
    const numbers = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(9), fc.nat(9));
    await fc.assert(
      fc.asyncProperty(numbers, ([count, drawnHeld, drawnMoved]) =>
        within(async (file) => {
          const [held, moved] = [Math.min(drawnHeld, count), Math.min(drawnMoved, count)];
          let central: Head | undefined;
          const options = await opening(file, { central: async () => central });
          let ledger = await openLedger(options);
          for (let at = 0; at < count; at++) ledger.append(entry({ target: `tool_${at}` }));
          await ledger.flush();
          if (held > 0) {
            central = { seq: held, hash: ledger.get(held)!.hash, incidents: [] };
            await ledger.acknowledge(held);
          }
          assert.equal((await ledger.verify()).ok, true);
          if (!running) await ledger.close();
          edit(file, `DELETE FROM cursor; INSERT INTO cursor SELECT 1, seq, hash FROM records WHERE seq = ${moved}`);
          if (!running) ledger = await openLedger(options);
          const { ok, problem } = await ledger.verify();
          await ledger.close();
          assert.equal(ok, moved <= held, `${count} records, central has ${held}, the cursor says ${moved}`);
          if (!ok)
            assert.match(
              problem!.message,
              new RegExp(`^Records ${held + 1} to ${moved} count as uploaded, but the central API does not have them`),
            );
        }),
      ),
      { numRuns: running ? 20 : 10, seed: 3 },
    );
  });

test('what central acknowledges while it is asked is no finding, and one that cannot be asked says nothing', async () => {
  await within(async (file) => {
    let ledger: Ledger | undefined;
    let fails = false;
    const central = async () => {
      if (fails) throw new Error('not reachable');
      // As an upload would that is under way: its answer is of before.
      const before = endOf(ledger!);
      ledger!.append(entry());
      await ledger!.flush();
      await ledger!.acknowledge(before.seq + 1);
      return before;
    };
    ledger = await openLedger(await opening(file, { central }));
    ledger.append(entry());
    await ledger.flush();
    assert.equal((await ledger.verify()).ok, true);
    fails = true;
    assert.equal((await ledger.verify()).ok, true);
    await ledger.close();
  });
});
