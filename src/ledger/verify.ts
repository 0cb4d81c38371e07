import type { ErrorValue } from '../errors.ts';
import { mismatches, readEnd } from './end.ts';
import { readAnchor, seal } from './head.ts';
import { columns, genesis, hashSorted, notePrefix, type Row, type Stored, toUnhashed } from './record.ts';
import { readCursor, type Store, wasReplaced } from './store.ts';

export interface Verdict {
  ok: boolean;
  records: number;
  problem?: { seq: number; message: string };
}

const step = 1000;

/** What the chain itself says is wrong with it: a mismatch for good, a restart until central holds the note of it. */
export function troubleOf(store: Store): ErrorValue | undefined {
  const found = store.database
    .prepare(
      `SELECT reason FROM records WHERE server = 'gatehouse' AND (method = '${notePrefix}mismatch' OR (method = '${notePrefix}restarted' AND seq > ?))
       ORDER BY seq DESC LIMIT 1`,
    )
    .get(readCursor(store.database).seq);
  if (found === undefined) return undefined;
  return {
    code: 'integrity',
    message: String(found.reason),
    fix: 'Run `gatehouse ledger verify` and tell your IT department. New calls are recorded all the same.',
  };
}

/**
 * Walks the whole chain and yields between pieces, so that the writer goes on committing meanwhile. Found are: a changed record (its hash),
 * a removed, inserted or reordered one (number, predecessor), a shortened or replaced file (head, seal, anchor, what central acknowledged),
 * and the notes an earlier start left behind.
 */
export function* verify(store: Store): Generator<undefined, Verdict> {
  const select = store.database.prepare(
    `SELECT seq, ${columns}, previous_hash, hash FROM records WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ${step}`,
  );
  select.setReturnArrays(true);
  const cursor = readCursor(store.database);
  let records = 0;
  let last: { seq: number; hash: string } = { seq: store.head.firstSeq - 1, hash: genesis };
  let problem: Verdict['problem'];
  for (;;) {
    // The chain may grow while we walk; whoever reaches its end has, in this one turn, the newest head before them.
    const rows = select.all(last.seq, store.head.seq) as unknown as Stored[];
    for (const row of rows) {
      problem ??= checkLink(row, last, records === 0, cursor.seq);
      if (problem !== undefined) return { ok: false, records, problem };
      last = { seq: row[0] as number, hash: row[row.length - 1] as string };
      records++;
    }
    if (rows.length < step) break;
    yield;
  }
  problem = checkEnd(store, last, records, cursor);
  return { ok: problem === undefined, records, ...(problem === undefined ? {} : { problem }) };
}

function checkLink(row: Stored, last: { seq: number; hash: string }, isFirst: boolean, uploaded: number): Verdict['problem'] {
  const seq = row[0] as number;
  const previousHash = row[row.length - 2] as string;
  const method = row[5] as string;
  if (seq !== last.seq + 1) {
    const message = seq === last.seq + 2 ? `Record ${last.seq + 1} is missing.` : `Records ${last.seq + 1} to ${seq - 1} are missing.`;
    return { seq: last.seq + 1, message };
  }
  const follows = isFirst ? (seq === 1 && previousHash === genesis) || method === `${notePrefix}restarted` : previousHash === last.hash;
  if (rehash(row, previousHash) !== row[row.length - 1]) return { seq, message: `Record ${seq} was changed after it was written.` };
  if (!follows) return { seq, message: `Record ${seq} does not follow the one before it: records were removed, inserted or reordered.` };
  if (method === `${notePrefix}mismatch`) return { seq, message: `When Gatehouse started: ${row[9]}` };
  // Once central holds the note, the company knows; until then the missing records are this machine's open question.
  if (method === `${notePrefix}restarted` && seq > uploaded) return { seq, message: String(row[9]) };
  return undefined;
}

function rehash(row: Stored, previousHash: string): string | undefined {
  try {
    return hashSorted(toUnhashed(row.slice(1, -2) as unknown as Row, row[0] as number, previousHash));
  } catch {
    return undefined; // a time that is none
  }
}

function checkEnd(
  store: Store,
  last: { seq: number; hash: string },
  records: number,
  cursor: { seq: number; hash: string },
): Verdict['problem'] {
  const { head, database, key } = store;
  const below = database.prepare('SELECT seq FROM records WHERE seq < ? LIMIT 1').get(head.firstSeq);
  if (below !== undefined) return { seq: Number(below.seq), message: `Record ${below.seq} was added by another program.` };
  if (wasReplaced(store)) return { seq: head.seq, message: 'The ledger file was removed or replaced while Gatehouse ran.' };
  const found = readEnd(database);
  if (last.seq < head.seq) return { seq: last.seq + 1, message: `Records ${last.seq + 1} to ${head.seq} are missing at the end.` };
  const [first] = mismatches(database, key, found, readAnchor(store.anchor));
  if (first !== undefined) return { seq: head.seq, message: first };
  const rewritten = found.seal !== seal(head, key) || found.head?.hash !== head.hash || found.head.records !== head.records;
  if (rewritten || records !== head.records || (records > 0 && last.hash !== head.hash))
    return { seq: head.seq, message: 'The head of the chain is not the one that was written last.' };
  if (cursor.seq > 0 && cursor.seq >= head.firstSeq) {
    const there = database.prepare('SELECT hash FROM records WHERE seq = ?').get(cursor.seq);
    if (there?.hash !== cursor.hash) return { seq: cursor.seq, message: `Record ${cursor.seq} is not the one that central acknowledged.` };
  }
  return undefined;
}
