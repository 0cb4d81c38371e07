// All of the ledger's files deleted, put back to an older copy, or edited, in any order: verification never says ok of a ledger that lacks what vault or central know.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { headKeeper, localKey } from '../../src/app/local-key.ts';
import { Failure } from '../../src/base/errors.ts';
import { silent as log } from '../../src/base/log.ts';
import type { HeadKeeper } from '../../src/ledger/keeping.ts';
import { type Ledger, type LedgerOptions, openLedger } from '../../src/ledger/ledger.ts';
import { openVaultFile } from '../../src/shell/vault-file.ts';
import { edit, entry, key, noon } from '../ledger/entries.ts';
import { testHost } from '../support/host.ts';

const ends = ['', '-wal', '-shm', '.anchor'];
const own = 'vault.json';
const names = [...ends.map((end) => `ledger.db${end}`), own];

interface Central {
  seq: number;
  hash: string;
  incidents: string[];
}

async function start(dir: string, central?: () => Promise<Central | undefined>): Promise<Ledger> {
  const vault = headKeeper(await openVaultFile(dir, Buffer.alloc(32, 9), 'keychain'), key);
  return openLedger({ file: join(dir, 'ledger.db'), log, now: () => noon, key, vault, central });
}

/** What lies on the disk, as a process that is killed now would leave it. */
function copyOf(dir: string): Map<string, Buffer> {
  return new Map(names.filter((name) => existsSync(join(dir, name))).map((name) => [name, readFileSync(join(dir, name))]));
}

function putBack(dir: string, copy: Map<string, Buffer>, which: readonly string[]): void {
  for (const name of which) {
    const bytes = copy.get(name);
    if (bytes === undefined) rmSync(join(dir, name), { force: true });
    else writeFileSync(join(dir, name), bytes);
  }
}

const same = (first: Map<string, Buffer>, second: Map<string, Buffer>) =>
  first.size === second.size && [...first].every(([name, bytes]) => second.get(name)?.equals(bytes));

const subset = fc.subarray(ends, { minLength: 1 });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('append' as const), count: fc.integer({ min: 1, max: 7 }) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('upload' as const) }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('restart' as const), killed: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('copy' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('delete' as const), which: fc.oneof(fc.constant(ends), subset), killed: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('put back' as const),
      which: fc.oneof(fc.constant(ends), subset),
      vaultToo: fc.boolean(),
      killed: fc.boolean(),
      copy: fc.nat(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('edit' as const),
      sql: fc.constantFrom(
        'DELETE FROM records WHERE seq > 1',
        'DELETE FROM records',
        'DELETE FROM records; DELETE FROM head; DELETE FROM cursor',
        "UPDATE records SET target = 'other' WHERE seq = (SELECT max(seq) FROM records)",
      ),
      killed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('garbage' as const), killed: fc.boolean() }) },
);

for (const online of [false, true])
  test(`over any sequence of appends, ends, copies put back, deletions and edits ${online ? 'with' : 'without'} central: what was known and is missing is found for good, and nothing else is`, async () => {
    let detected = 0;
    let sound = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
        const dir = mkdtempSync(join(tmpdir(), 'gatehouse-rollback-'));
        let central: Central | undefined;
        const ask = online ? async () => central : undefined;
        const copies: { files: Map<string, Buffer>; known: typeof witnessed; touched: boolean; lost: boolean }[] = [];
        // The model: records by number and hash that somebody outside of the files knows; whether files were tampered with at all.
        let witnessed: { seq: number; hash: string }[] = [];
        let before: Map<string, Buffer> | undefined;
        let touched = false;
        let lost = false;
        let ledger = await start(dir, ask);

        const end = () => {
          const last = ledger.list({ limit: 1 }).items[0];
          return last && { seq: last.seq, hash: last.hash };
        };
        const stop = async (killed: boolean) => {
          if (killed) {
            await ledger.flush();
            const left = copyOf(dir);
            await ledger.close();
            putBack(dir, left, names);
          } else {
            // The vault gets the end of the chain at the close.
            await ledger.flush();
            const last = end();
            await ledger.close();
            if (last !== undefined) witnessed = [last];
          }
          before = copyOf(dir);
        };
        const check = async (label: string) => {
          const there = (record: { seq: number; hash: string }) => ledger.get(record.seq)?.hash === record.hash;
          // Of what the vault was told, only the newest counts: it names the one before by its hashes.
          lost ||= witnessed.some((record) => !there(record)) || (central !== undefined && !there(central));
          const verdict = await ledger.verify();
          if (lost) {
            detected++;
            assert.equal(verdict.ok, false, `${label}: said to be whole`);
            assert.notEqual(verdict.problem, undefined, label);
          } else if (!touched) {
            sound++;
            assert.deepEqual([verdict.ok, verdict.problem], [true, undefined], label);
            assert.ok('upTo' in verdict.vault, label);
            assert.equal('upTo' in verdict.central, central !== undefined, label);
          }
        };
        const again = async (label: string) => {
          touched ||= !same(before!, copyOf(dir));
          ledger = await start(dir, ask);
          await check(label);
          // The vault is told at the start, too: what is there now must still be there after a kill.
          const last = end();
          if (!lost && last !== undefined) witnessed = [last];
        };
        try {
          for (const each of steps) {
            const label = `${JSON.stringify(each)} in ${JSON.stringify(steps)}`;
            switch (each.does) {
              case 'append':
                for (let index = 0; index < each.count; index++) ledger.append(entry());
                await ledger.flush();
                break;
              case 'upload': {
                // As the uploader does it: central never gets what a power failure could take, and keeps what it has.
                const batch = await ledger.unsent(central?.seq ?? 0, 1000, Number.MAX_SAFE_INTEGER);
                if (batch !== undefined && online && !lost) {
                  central = { seq: batch.last, hash: batch.hash, incidents: [] };
                  await ledger.acknowledge(batch.last);
                }
                break;
              }
              case 'restart':
                await stop(each.killed);
                await again(label);
                break;
              case 'copy':
                await stop(false);
                copies.push({ files: copyOf(dir), known: witnessed, touched, lost });
                await again(label);
                break;
              case 'delete':
                await stop(each.killed);
                putBack(
                  dir,
                  new Map(),
                  each.which.map((name) => `ledger.db${name}`),
                );
                await again(label);
                break;
              case 'put back': {
                const copy = copies[each.copy % Math.max(1, copies.length)];
                if (copy === undefined) break;
                await stop(each.killed);
                putBack(dir, copy.files, [...each.which.map((name) => `ledger.db${name}`), ...(each.vaultToo ? [own] : [])]);
                if (each.vaultToo) {
                  // All is as it was then, so only central knows better; or the vault is, and what the files are beside it is not modelled.
                  const whole = each.which.length === ends.length;
                  ({ known: witnessed, touched, lost } = whole ? copy : { known: [], touched: true, lost: false });
                  if (whole) before = copyOf(dir);
                }
                await again(label);
                break;
              }
              case 'edit':
                await stop(each.killed);
                edit(join(dir, 'ledger.db'), each.sql);
                await again(label);
                break;
              case 'garbage':
                await stop(each.killed);
                for (const name of ['-wal', '-shm']) rmSync(join(dir, `ledger.db${name}`), { force: true });
                writeFileSync(join(dir, 'ledger.db'), 'this is no database, '.repeat(500));
                await again(label);
                break;
            }
          }
          await stop(false);
          await again(`the end of ${JSON.stringify(steps)}`);
        } finally {
          await ledger.close();
          rmSync(dir, { recursive: true, force: true });
        }
      }),
      { numRuns: 30, seed: online ? 8 : 7 },
    );
    assert.ok(detected > 30 && sound > 15, `${detected} found, ${sound} sound`);
  });

/** A folder with a ledger of so many records, closed. */
async function filled(t: TestContext, count: number): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-rollback-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const ledger = await start(dir);
  for (let index = 0; index < count; index++) ledger.append(entry());
  await ledger.close();
  return dir;
}

test('a chain that is gone is named by what the vault knew of it, until a person accepts the loss; that is recorded, and shown for good', async (t) => {
  const dir = await filled(t, 5);
  const hash = (JSON.parse(readFileSync(join(dir, 'ledger.db.anchor'), 'utf8')) as { hash: string }).hash;
  putBack(
    dir,
    new Map(),
    ends.map((name) => `ledger.db${name}`),
  );
  for (let starts = 0; starts < 3; starts++) {
    const ledger = await start(dir);
    const { ok, problem } = await ledger.verify();
    assert.deepEqual([ok, problem?.seq], [false, 6]);
    assert.match(problem?.message ?? '', new RegExp(`missing; it held 5 records, the last of them record 5 with the hash ${hash}`));
    assert.equal(ledger.get(6)?.previousHash, hash);
    await ledger.close();
  }
  const ledger = await start(dir);
  t.after(() => ledger.close());
  await ledger.acceptLoss('ann');
  const { ok, loss } = await ledger.verify();
  assert.deepEqual([ok, loss?.seq], [true, 6]);
  assert.deepEqual(
    ledger.list({ limit: 9 }).items.map(({ method, person }) => [method, person]),
    [
      ['gatehouse/ledger-loss-accepted', 'ann'],
      ['gatehouse/ledger-restarted', ''],
    ],
  );
});

test('a call whose method is spelt like a note of the ledger is none: it neither accuses the chain nor accepts a loss', async (t) => {
  const dir = await filled(t, 2);
  rmSync(join(dir, 'ledger.db'));
  const ledger = await start(dir);
  t.after(() => ledger.close());
  for (const kind of ['loss-accepted', 'mismatch', 'restarted'])
    ledger.append(entry({ server: 'gatehouse', method: `gatehouse/ledger-${kind}`, rule: 'R-1' }));
  await ledger.flush();
  assert.deepEqual((await ledger.verify()).problem?.seq, 3);
  await ledger.acceptLoss('ann');
  assert.equal((await ledger.verify()).ok, true);
  assert.equal(ledger.error(), undefined);
});

test('with nothing outside of its folder the ledger is not comparable; what cannot be reached now is not absent', async (t) => {
  const dir = await filled(t, 3);
  const vault = headKeeper(await openVaultFile(dir, Buffer.alloc(32, 9), 'keychain'), key)!;
  const away = async (): Promise<never> => {
    throw new Failure('unavailable', 'Nobody is there.');
  };
  const holds = { seq: 2, hash: '', incidents: [] as string[] };
  const cases: { vault?: HeadKeeper; central?: LedgerOptions['central']; ok: boolean; problem?: RegExp; says: [string, string] }[] = [
    { ok: false, says: ['there is no keychain on this computer', 'it was not asked'] },
    { central: away, ok: false, says: ['there is no keychain on this computer', 'Nobody is there.'] },
    { central: async () => undefined, ok: false, says: ['there is no keychain on this computer', 'it has nothing of this device yet'] },
    { central: async () => holds, ok: true, says: ['there is no keychain on this computer', '2'] },
    { vault, central: away, ok: true, says: ['3', 'Nobody is there.'] },
    { vault, central: async () => holds, ok: true, says: ['3', '2'] },
    {
      vault,
      central: async () => ({ ...holds, seq: 4 }),
      ok: false,
      problem: /Records 4 to 4, which the central API knows of/,
      says: ['3', '4'],
    },
    {
      vault,
      central: async () => ({ ...holds, hash: 'x' }),
      ok: false,
      problem: /Record 2, which the central API knows of/,
      says: ['3', '2'],
    },
    { vault, central: async () => ({ ...holds, incidents: ['It went back.'] }), ok: false, problem: /It went back/, says: ['3', '2'] },
  ];
  for (const { vault: keeper, central, ok, problem, says } of cases) {
    const ledger = await openLedger({ file: join(dir, 'ledger.db'), log, now: () => noon, key, vault: keeper, central });
    holds.hash = ledger.get(2)!.hash;
    const verdict = await ledger.verify();
    await ledger.close();
    assert.equal(verdict.ok, ok, says.join());
    if (problem === undefined) assert.equal(verdict.problem, undefined);
    else assert.match(verdict.problem?.message ?? '', problem);
    assert.deepEqual(
      [verdict.vault, verdict.central].map((told) => ('upTo' in told ? String(told.upTo) : told.why)),
      says,
    );
  }
  // A vault that cannot be read at the start: a ledger that began without it would overwrite what it knows.
  await assert.rejects(openLedger({ file: join(dir, 'ledger.db'), log, now: () => noon, key, vault: { ...vault, read: away } }), {
    code: 'unavailable',
  });
  // One that fails later is said so, and what it has stays what it was.
  let locked = false;
  const failing = { read: async () => (locked ? away() : vault.read()), write: async () => away() };
  const ledger = await openLedger({ file: join(dir, 'ledger.db'), log, now: () => noon, key, vault: failing });
  const kept = await vault.read();
  locked = true;
  ledger.append(entry());
  const verdict = await ledger.verify();
  await ledger.close();
  assert.deepEqual([verdict.ok, verdict.problem, verdict.vault], [false, undefined, { why: 'Nobody is there.' }]);
  assert.equal(await vault.read(), kept);
});

test('the end of the chain cannot be taken out of the vault without the key; one that is no head is not taken for none', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-rollback-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const opened = async () => {
    const vault = await openVaultFile(dir, Buffer.alloc(32, 9), 'keychain');
    const made = await localKey({ ...testHost({ dataDir: dir }), vault }, 'ledger-key');
    return {
      vault,
      ledger: await openLedger({ file: join(dir, 'ledger.db'), log, now: () => noon, key: made, vault: headKeeper(vault, made) }),
    };
  };
  const { ledger } = await opened();
  ledger.append(entry());
  await ledger.close();
  const again = await opened();
  assert.equal((await again.ledger.verify()).ok, true);
  await again.ledger.close();
  const content = JSON.parse(readFileSync(join(dir, own), 'utf8')) as { secrets: Record<string, string> };
  assert.deepEqual(Object.keys(content.secrets), ['ledger-key']);
  writeFileSync(join(dir, own), JSON.stringify({ ...content, secrets: {} }));
  await assert.rejects(opened(), { code: 'unavailable', message: /the key of the ledger was made before/, fix: /vault reset/ });
  writeFileSync(join(dir, own), JSON.stringify(content));
  const vault = await openVaultFile(dir, Buffer.alloc(32, 9), 'keychain');
  const secret = (await vault.get('ledger-key'))!;
  await vault.set('ledger-key', `${secret.split(' ')[0]} {"seq":-1}`);
  await assert.rejects(opened(), { code: 'unavailable', message: /damaged/ });
});
