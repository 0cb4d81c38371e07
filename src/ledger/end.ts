import type { DatabaseSync } from 'node:sqlite';
import { type Head, type readAnchor, sealHolds } from './head.ts';
import { genesis } from './record.ts';
import { foreignObject } from './schema.ts';

/** Where a chain ends: by its records, and by its head. */
export interface End {
  head: Head | undefined;
  seal: string | null;
  seq: number;
  hash: string;
}

/** The end as the table has it and as the head claims it. */
export function readEnd(database: DatabaseSync): End {
  const last = database.prepare('SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1').get();
  const row = database.prepare('SELECT chain, first_seq AS firstSeq, records, seq, hash, seal FROM head').get();
  const head = row && ({ ...row } as unknown as Head & { seal: string | null });
  return {
    head: head && { chain: head.chain, firstSeq: head.firstSeq, records: head.records, seq: head.seq, hash: head.hash },
    seal: head?.seal ?? null,
    seq: last === undefined ? 0 : Number(last.seq),
    hash: last === undefined ? genesis : String(last.hash),
  };
}

/**
 * What does not fit together at the end of the chain, in words; empty where all does. Quick: it reads four rows. `vault` is the head that
 * the vault keeps, where it keeps one.
 */
export function mismatches(
  database: DatabaseSync,
  key: Uint8Array | undefined,
  stored: End,
  anchor: ReturnType<typeof readAnchor>,
  vault: Head | undefined,
): string[] {
  const problems: string[] = [];
  const { head } = stored;
  const foreign = foreignObject(database);
  if (foreign !== undefined) problems.push(`The file holds a ${foreign} that Gatehouse did not make.`);
  if (head === undefined) return [...problems, 'The head of the chain is missing.'];
  if (!sealHolds(head, stored.seal, key)) problems.push('The head of the chain is not sealed with the key of this machine.');
  // A chain that began later than 1 and has no record yet ends before its first number.
  const end = stored.seq === 0 ? { seq: head.firstSeq - 1, hash: head.records === 0 ? head.hash : genesis } : stored;
  if (end.seq < head.seq) problems.push(`Records ${end.seq + 1} to ${head.seq} are missing at the end.`);
  else if (end.seq > head.seq) problems.push(`Records ${head.seq + 1} to ${end.seq} were added by another program.`);
  else if (end.hash !== head.hash) problems.push(`Record ${head.seq} is not the one that was written last.`);
  if (anchor === 'unreadable') problems.push('The anchor file beside the ledger is damaged.');
  else if (anchor === undefined) {
    if (head.records > 0) problems.push('The anchor file beside the ledger is missing.');
  } else if (!sealHolds(anchor.head, anchor.seal, key)) problems.push('The anchor file is not sealed with the key of this machine.');
  else if (anchor.head.chain !== head.chain) problems.push('The ledger file was replaced by that of another chain.');
  else problems.push(...lacking(database, head, anchor.head, 'the anchor'));
  if (vault !== undefined && vault.chain !== head.chain) problems.push('This is another chain than the one that the vault knows.');
  else if (vault !== undefined) problems.push(...lacking(database, head, vault, 'the vault'));
  return problems;
}

/**
 * What is missing of the chain up to a record that somebody else knows to be its end: at most one sentence. The note at the beginning of this
 * chain accounts for what lies before its first record.
 */
export function lacking(database: DatabaseSync, head: Head, expected: Pick<Head, 'seq' | 'hash'>, who: string): string[] {
  if (expected.seq < head.firstSeq) return [];
  if (expected.seq > head.seq) return [`Records ${head.seq + 1} to ${expected.seq}, which ${who} knows of, are missing at the end.`];
  const there = database.prepare('SELECT hash FROM records WHERE seq = ?').get(expected.seq);
  return there?.hash === expected.hash ? [] : [`Record ${expected.seq}, which ${who} knows of, is missing or was changed.`];
}
