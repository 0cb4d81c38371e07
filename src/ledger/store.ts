import { randomUUID } from 'node:crypto';
import { chmodSync, closeSync, existsSync, openSync, renameSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Failure } from '../base/errors.ts';
import { mismatches, readEnd } from './end.ts';
import { type Head, readAnchor, seal, sealHolds, writeAnchor } from './head.ts';
import { columns, genesis, hashSorted, noteOf, notePrefix, noteRule, type Row, toRow, toUnhashed } from './record.ts';
import { openRollUps, type RollUps } from './rollups.ts';
import { migrate } from './schema.ts';

/** The writing side of the ledger: one connection, owned by the writer thread. `head` is what we know to have written. */
export interface LedgerStore {
  file: string;
  anchor: string;
  key: Uint8Array | undefined;
  database: DatabaseSync;
  inode: number;
  insert: StatementSync;
  saveHead: StatementSync;
  rollUps: RollUps;
  head: Head;
  /** The last sequence number that a power failure cannot take away. */
  durable: number;
  /** How many notes this opening added to the chain. */
  notes: number;
}

interface Opening {
  file: string;
  key: Uint8Array | undefined;
  /** The head that the vault keeps: the ledger must hold that record, whatever became of its files. */
  vault: Head | undefined;
  at: number;
}

/**
 * Opens the file, or begins a new chain where it is damaged or gone: a damaged file is kept beside it as `*.damaged-<time>`, and the first
 * record of the new chain says what is missing, continuing the numbering where anchor or vault know it. A readable file whose end is not the
 * one we wrote is *not* replaced: a `gatehouse/ledger-mismatch` record goes behind it, so that verification fails from then on and central
 * hears of it.
 */
export function openStore(options: Opening): LedgerStore {
  const existed = existsSync(options.file);
  try {
    return connect(options, undefined, existed);
  } catch (error) {
    if (!isDamage(error)) throw toFailure(error);
    return restart(options, (error as Error).message);
  }
}

/** Puts a damaged file aside and begins a new chain; `lastHead`: the last head, where the damage was met while running. */
export function restart(options: Opening, why: string, lastHead?: Head): LedgerStore {
  const kept = `${options.file}.damaged-${new Date(options.at).toISOString().replaceAll(/[:.]/g, '-')}`;
  for (const end of ['', '-wal', '-shm']) if (existsSync(options.file + end)) renameSync(options.file + end, kept + end);
  const reason = `The ledger was damaged (${why}). It is kept as ${kept.slice(kept.lastIndexOf('/') + 1)}; a new chain begins here.`;
  return connect(options, { reason, known: lastHead }, false);
}

/** Appends rows to the chain in one transaction. Throws with nothing written, and `head` unchanged, where the disk or the file refuses. */
export function commit(store: LedgerStore, rows: readonly Row[]): void {
  const { database, insert } = store;
  const first = store.head.seq + 1;
  let { seq, hash } = store.head;
  database.exec('BEGIN IMMEDIATE');
  try {
    for (const row of rows) {
      const previousHash = hash;
      seq++;
      hash = hashSorted(toUnhashed(row, seq, previousHash));
      insert.run(seq, ...row, previousHash, hash);
    }
    store.rollUps.add(first, rows);
    const head = { ...store.head, records: store.head.records + rows.length, seq, hash };
    putHead(store, head);
    database.exec('COMMIT');
    store.head = head;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/**
 * Makes all that was committed survive a power failure, then moves the anchor there. To be called before an upload: otherwise
 * central could hold records that this machine forgets, and whose numbers it gives out again.
 */
export function sync(store: LedgerStore): number {
  refuseReplaced(store);
  if (store.durable === store.head.seq && existsSync(store.anchor)) return store.durable;
  store.database.exec('PRAGMA synchronous = FULL');
  try {
    putHead(store, store.head);
  } finally {
    store.database.exec('PRAGMA synchronous = NORMAL');
  }
  writeAnchor(store.anchor, store.head, store.key);
  store.durable = store.head.seq;
  return store.durable;
}

/** Whether our descriptor and the path are no longer the same file: what we write would go nowhere. */
export function wasReplaced(store: LedgerStore): boolean {
  return statSync(store.file, { throwIfNoEntry: false })?.ino !== store.inode;
}

/** Stops writing into a file that nobody will ever read. */
export function refuseReplaced(store: LedgerStore): void {
  if (wasReplaced(store))
    throw new Failure(
      'integrity',
      'The ledger file was removed or replaced while Gatehouse ran.',
      'Start Gatehouse again, and tell your IT department if nobody meant to do this.',
    );
}

/** Gets past records that another program put where ours belong: they stay as evidence, a note goes behind them. */
export function realign(store: LedgerStore, at: number): void {
  const end = readEnd(store.database);
  if (end.seq <= store.head.seq) return;
  const reason = `Records ${store.head.seq + 1} to ${end.seq} were added by another program.`;
  store.head = { ...store.head, seq: end.seq, hash: end.hash };
  addNote(store, { kind: 'mismatch', reason, at });
}

/**
 * Records that a person accepts the loss of the records that the note at the beginning of the chain calls missing. Returns the number of that
 * note.
 */
export function acceptLoss(store: LedgerStore, person: string, at: number): number {
  const loss = openLoss(store.database);
  if (loss === undefined)
    throw new Failure(
      'not-found',
      'There is no loss to accept: this chain does not begin behind a missing one.',
      'See what `gatehouse ledger verify` says.',
    );
  addNote(store, { kind: 'loss-accepted', person, reason: `The loss that record ${loss.seq} tells of was accepted.`, at });
  return loss.seq;
}

/** The note of missing records that nobody has accepted yet. */
export function openLoss(database: DatabaseSync): { seq: number; reason: string } | undefined {
  const note = `FROM records WHERE server = 'gatehouse' AND rule = '${noteRule}' AND method = '${notePrefix}`;
  const accepted = `SELECT ifnull(max(seq), 0) ${note}loss-accepted'`;
  const loss = database.prepare(`SELECT seq, reason ${note}restarted' AND seq > (${accepted}) ORDER BY seq DESC LIMIT 1`).get();
  return loss && { seq: Number(loss.seq), reason: String(loss.reason) };
}

/** Where the upload stands: central's word for it, with the hash it acknowledged. */
export function readCursor(database: DatabaseSync): { seq: number; hash: string } {
  return (database.prepare('SELECT seq, hash FROM cursor').get() as { seq: number; hash: string } | undefined) ?? { seq: 0, hash: genesis };
}

/** Moves the cursor forward, never back. Central knowing more than we do means that this file was replaced by an older one. */
export function acknowledge(store: LedgerStore, seq: number): number {
  if (seq > store.head.seq)
    throw new Failure(
      'integrity',
      `Central acknowledged record ${seq}, but this ledger ends at ${store.head.seq}: it was replaced by an older copy.`,
      'Tell your IT department. Nothing was deleted by this.',
    );
  const record = store.database.prepare('SELECT hash FROM records WHERE seq = ?').get(seq);
  if (record !== undefined)
    store.database
      .prepare(
        'INSERT INTO cursor (id, seq, hash) VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash WHERE excluded.seq > seq',
      )
      .run(seq, String(record.hash));
  return readCursor(store.database).seq;
}

export function closeStore(store: LedgerStore): void {
  try {
    sync(store);
  } finally {
    store.database.close();
  }
}

/** Whether the file itself is broken, as against a disk that is full or a file that is locked. */
export function isDamage(error: unknown): boolean {
  const { errcode, code } = error as { errcode?: number; code?: string };
  return code === 'ERR_OUT_OF_RANGE' || (errcode !== undefined && [1, 11, 26].includes(errcode & 0xff));
}

/** A database error in words a person can act on. */
export function toFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { errcode, code, message } = error as { errcode?: number; code?: string; message: string };
  const full = (errcode !== undefined && (errcode & 0xff) === 13) || code === 'ENOSPC';
  return full
    ? new Failure(
        'unavailable',
        'The ledger cannot be written: the disk is full.',
        'Free some disk space; calls go through again by themselves.',
      )
    : new Failure(
        'unavailable',
        `The ledger cannot be written (${message}).`,
        'Check that the data folder is writable and on a local disk, then start Gatehouse again.',
      );
}

function connect(options: Opening, fresh: { reason: string; known: Head | undefined } | undefined, existed: boolean): LedgerStore {
  const { file, key } = options;
  // Created here, for SQLite takes the mode of the log files from the database file.
  closeSync(openSync(file, 'a', 0o600));
  if (process.platform !== 'win32') chmodSync(file, 0o600);
  const database = new DatabaseSync(file, { timeout: 5000, enableForeignKeyConstraints: false });
  try {
    database.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864',
    );
    migrate(database);
    const marks = columns.split(', ').map(() => '?');
    const store: LedgerStore = {
      file,
      anchor: `${file}.anchor`,
      key,
      database,
      inode: statSync(file).ino,
      insert: database.prepare(`INSERT INTO records (seq, ${columns}, previous_hash, hash) VALUES (?, ${marks.join(', ')}, ?, ?)`),
      saveHead: database.prepare(
        'INSERT INTO head (id, chain, first_seq, records, seq, hash, seal) VALUES (1, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET chain = excluded.chain, first_seq = excluded.first_seq, records = excluded.records, seq = excluded.seq, hash = excluded.hash, seal = excluded.seal',
      ),
      rollUps: openRollUps(database),
      head: { chain: randomUUID(), firstSeq: 1, records: 0, seq: 0, hash: genesis },
      durable: -1,
      notes: 0,
    };
    begin(store, options, fresh, existed);
    return store;
  } catch (error) {
    database.close();
    throw error;
  }
}

function putHead(store: LedgerStore, head: Head): void {
  store.saveHead.run(head.chain, head.firstSeq, head.records, head.seq, head.hash, seal(head, store.key));
}

function begin(
  store: LedgerStore,
  { at, vault }: Opening,
  fresh: { reason: string; known: Head | undefined } | undefined,
  existed: boolean,
): void {
  const end = readEnd(store.database);
  const anchor = readAnchor(store.anchor);
  const anchored = typeof anchor === 'object' && sealHolds(anchor.head, anchor.seal, store.key) ? [anchor.head] : [];
  const outside = vault === undefined ? anchored : [vault, ...anchored];
  if (end.head === undefined && end.seq === 0) {
    const lastHead = fresh?.known ?? (outside.length === 0 ? undefined : furthestOf(outside));
    const held =
      lastHead &&
      `; it held ${lastHead.records} records, the last of them record ${lastHead.seq} with the hash ${lastHead.hash || 'of none'}`;
    const begun = anchor !== undefined || (vault !== undefined && vault.records > 0);
    const reason =
      fresh?.reason ?? (begun ? `The ledger file was ${existed ? 'empty' : 'missing'}${held ?? ''}. A new chain begins here.` : undefined);
    // The chain keeps its name. If we crash before vault and anchor are told, what they know must not look like another chain's.
    if (lastHead !== undefined) {
      const { chain } = vault ?? lastHead;
      store.head = { chain, firstSeq: lastHead.seq + 1, records: 0, seq: lastHead.seq, hash: lastHead.hash };
    }
    if (reason === undefined) putHead(store, store.head);
    else addNote(store, { kind: 'restarted', reason, at });
  } else {
    const held = end.head ?? { ...store.head, records: end.seq, seq: end.seq, hash: end.hash };
    const problems = mismatches(store.database, store.key, end, anchor, vault);
    const reached = [{ seq: end.seq, hash: end.hash }, readCursor(store.database), ...outside];
    if (sealHolds(held, end.seal, store.key)) reached.push(held);
    const furthest = furthestOf(reached);
    if (furthest.seq > 2 ** 52) throw Object.assign(new Error('impossible record number'), { code: 'ERR_OUT_OF_RANGE' });
    // Numbers that were given out once are never given out again, and the note names the last of them as its predecessor: central may hold it.
    store.head = problems.length === 0 ? held : { ...held, seq: furthest.seq, hash: furthest.hash };
    if (problems.length > 0) addNote(store, { kind: 'mismatch', reason: problems.join(' '), at });
  }
  sync(store);
}

const furthestOf = <T extends { seq: number }>(ends: readonly T[]): T =>
  ends.reduce((furthest, other) => (other.seq > furthest.seq ? other : furthest));

interface Note {
  kind: 'restarted' | 'mismatch' | 'loss-accepted';
  reason: string;
  at: number;
  person?: string;
}

function addNote(store: LedgerStore, { kind, reason, at, person = '' }: Note): void {
  const note = noteOf(kind, reason, at);
  const { error: _, ...accepted } = { ...note, person, outcome: 'ok' as const };
  commit(store, [toRow(kind === 'loss-accepted' ? accepted : note, () => at)]);
  store.notes++;
}
