import type { ErrorValue } from '../base/errors.ts';
import { lacking, mismatches, readEnd } from './end.ts';
import { type Head, readAnchor, seal } from './head.ts';
import { columns, genesis, hashSorted, notePrefix, noteRule, type Row, type Stored, toUnhashed } from './record.ts';
import { openRecount, type Recount } from './rollups.ts';
import { type LedgerStore, openLoss, readCursor, wasReplaced } from './store.ts';

/** What the chain says, and what others know of it. */
export interface Verification {
  ok: boolean;
  records: number;
  problem?: { seq: number; message: string };
  /** What is missing before the first record, where a person accepted that. */
  loss?: { seq: number; message: string };
}

/** The last record that the central API holds of this device, and what it reports against this ledger: not what the ledger noted itself. */
export interface CentralHead {
  seq: number;
  hash: string;
  incidents: readonly string[];
}

/** Ends of the chain that are known outside of the ledger's folder, as far as they could be had. */
export interface Outside {
  vault: Head | undefined;
  central: CentralHead | undefined;
  /** Where central answered: what counted here as uploaded before it was asked, and the last record that it then had. */
  uploads: { counted: number; held: number } | undefined;
}

const step = 1000;

/** What the chain itself says is wrong with it: a mismatch for good, missing records until a person accepts the loss. */
export function troubleOf(store: LedgerStore): ErrorValue | undefined {
  const fix = 'Run `gatehouse ledger verify` and tell your IT department. New calls are recorded all the same.';
  const mismatch = store.database
    .prepare(
      `SELECT reason FROM records WHERE server = 'gatehouse' AND rule = '${noteRule}' AND method = '${notePrefix}mismatch'
       ORDER BY seq DESC LIMIT 1`,
    )
    .get();
  if (mismatch !== undefined) return { code: 'integrity', message: String(mismatch.reason), fix };
  const loss = openLoss(store.database);
  return loss && { code: 'integrity', message: loss.reason, fix: `${fix} When that is settled: gatehouse ledger accept-loss --yes` };
}

/**
 * Walks the whole chain and yields between pieces, so that the writer goes on committing meanwhile. Found are: a changed record (its hash),
 * a removed, inserted or reordered one (number, predecessor), a shortened or replaced file (head, seal, anchor, what central acknowledged,
 * what vault and central know), the notes an earlier start left behind, and what is only drawn from the records: the sums for charts, and how far
 * the upload is said to be.
 */
export function* verify(store: LedgerStore, outside: Outside): Generator<undefined, Verification> {
  const select = store.database.prepare(
    `SELECT seq, ${columns}, previous_hash, hash FROM records WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${step}`,
  );
  select.setReturnArrays(true);
  const cursor = readCursor(store.database);
  const recount = openRecount();
  let records = 0;
  let last: { seq: number; hash: string } = { seq: store.head.firstSeq - 1, hash: genesis };
  let problem: Verification['problem'];
  let loss: Verification['loss'];
  const unaccepted = openLoss(store.database)?.seq;
  for (;;) {
    // The chain may grow while we walk. The head is read in the same turn as the rows, so the end that is reached is the newest one.
    const rows = select.all(last.seq, store.head.seq) as unknown as Stored[];
    for (const row of rows) {
      problem ??= checkLink(row, last, records === 0, unaccepted);
      if (problem !== undefined) return { ok: false, records, problem };
      recount.add(row.slice(1, -2) as unknown as Row, row[0] as number);
      if (isNote(row, 'restarted')) loss ??= { seq: row[0] as number, message: String(row[9]) };
      last = { seq: row[0] as number, hash: row[row.length - 1] as string };
      records++;
    }
    if (rows.length < step) break;
    yield;
  }
  problem = checkEnd(store, last, records, cursor, outside, recount);
  return {
    ok: problem === undefined,
    records,
    ...(problem === undefined ? {} : { problem }),
    ...(loss === undefined ? {} : { loss }),
  };
}

const isNote = (row: Stored, kind: string) => row[5] === notePrefix + kind && row[8] === noteRule;

function checkLink(
  row: Stored,
  last: { seq: number; hash: string },
  isFirst: boolean,
  unaccepted: number | undefined,
): Verification['problem'] {
  const seq = row[0] as number;
  const previousHash = row[row.length - 2] as string;
  if (seq !== last.seq + 1) {
    const message = seq === last.seq + 2 ? `Record ${last.seq + 1} is missing.` : `Records ${last.seq + 1} to ${seq - 1} are missing.`;
    return { seq: last.seq + 1, message };
  }
  const follows = isFirst ? (seq === 1 && previousHash === genesis) || isNote(row, 'restarted') : previousHash === last.hash;
  if (rehash(row, previousHash) !== row[row.length - 1]) return { seq, message: `Record ${seq} was changed after it was written.` };
  if (!follows) return { seq, message: `Record ${seq} does not follow the one before it: records were removed, inserted or reordered.` };
  if (isNote(row, 'mismatch')) return { seq, message: `When Gatehouse started: ${row[9]}` };
  if (seq === unaccepted) return { seq, message: String(row[9]) };
  return undefined;
}

function rehash(row: Stored, previousHash: string): string | undefined {
  try {
    return hashSorted(toUnhashed(row.slice(1, -2) as unknown as Row, row[0] as number, previousHash));
  } catch {
    return undefined; // a time that is out of range
  }
}

function checkEnd(
  store: LedgerStore,
  last: { seq: number; hash: string },
  records: number,
  cursor: { seq: number; hash: string },
  { vault, central, uploads }: Outside,
  recount: Recount,
): Verification['problem'] {
  const { head, database, key } = store;
  const below = database.prepare('SELECT seq FROM records WHERE seq < ? LIMIT 1').get(head.firstSeq);
  if (below !== undefined) return { seq: Number(below.seq), message: `Record ${below.seq} was added by another program.` };
  if (wasReplaced(store)) return { seq: head.seq, message: 'The ledger file was removed or replaced while Gatehouse ran.' };
  const end = readEnd(database);
  if (last.seq < head.seq) return { seq: last.seq + 1, message: `Records ${last.seq + 1} to ${head.seq} are missing at the end.` };
  const [first] = mismatches(database, key, end, readAnchor(store.anchor), vault);
  if (first !== undefined) return { seq: head.seq, message: first };
  const rewritten = end.seal !== seal(head, key) || end.head?.hash !== head.hash || end.head.records !== head.records;
  if (rewritten || records !== head.records || (records > 0 && last.hash !== head.hash))
    return { seq: head.seq, message: 'The head of the chain is not the one that was written last.' };
  if (cursor.seq > 0 && cursor.seq >= head.firstSeq) {
    const there = database.prepare('SELECT hash FROM records WHERE seq = ?').get(cursor.seq);
    if (there?.hash !== cursor.hash) return { seq: cursor.seq, message: `Record ${cursor.seq} is not the one that central acknowledged.` };
  }
  const [gone] = central ? [...lacking(database, head, central, 'the central API'), ...central.incidents] : [];
  if (gone !== undefined) return { seq: Math.min(central!.seq, head.seq), message: gone };
  if (uploads !== undefined && uploads.counted > uploads.held) {
    const message = `Records ${uploads.held + 1} to ${uploads.counted} count as uploaded, but the central API does not have them. They go up again with the next record.`;
    return { seq: uploads.held + 1, message };
  }
  return recount.differing(database);
}
