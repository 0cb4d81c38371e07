import { type ErrorValue, Failure } from '../base/errors.ts';
import { openListeners } from '../base/listeners.ts';
import type { Log } from '../base/log.ts';
import type { Activity, Compared, Usage, Verified } from '../contract/activity.ts';
import type { CommandParsed, Outputs } from '../contract/contract.ts';
import { type Head, parseHead } from './head.ts';
import { type HeadKeeper, openKeeping, type Told, told } from './keeping.ts';
import { openReader, type Reader, type Today } from './query.ts';
import { openQueue } from './queue.ts';
import { type LedgerEntry, noteOf, toRow } from './record.ts';
import type { Batch } from './unsent.ts';
import type { CentralHead } from './verify.ts';

/** The local record of every decision and call; `openLedger` says what it can prove and what not. */
export interface Ledger {
  /** Never throws, never waits: the record is on its way when this returns, and on the disk a few milliseconds later. */
  append(entry: LedgerEntry): void;
  /** Whether calls may go on. INVARIANT: no call without a record, so the gateway refuses them while this is false. */
  healthy(): boolean;
  /** Resolves when all that was appended is on the disk; rejects where it cannot be. */
  flush(): Promise<void>;
  list(filter: CommandParsed<'activity-list'>): { items: Activity[]; next?: number };
  get(seq: number): Activity | undefined;
  usage(range: Usage['range'], server?: string): Usage;
  /** Of the present day in UTC. */
  today(): Today;
  /** Walks the chain and compares its end with what vault and central API know; without either it is never `ok`. */
  verify(): Promise<Verified>;
  /** Records that `person` accepts the loss of the records that are missing before this chain; a Failure('not-found') where none are. */
  acceptLoss(person: string): Promise<Outputs['ledger-accept-loss']>;
  export(
    format: CommandParsed<'ledger-export'>['format'],
    before: number | undefined,
    limit: number,
  ): Promise<{ text: string; next?: number }>;
  /** The next records behind `after`: at most `limit` of them and `bytes` of text, and only those that no power failure can take away any more. */
  unsent(after: number, limit: number, bytes: number): Promise<Batch | undefined>;
  /** The last record that central acknowledged; 0 before the first. */
  cursor(): number;
  /** Durable when it resolves. A lower number than the cursor changes nothing; one beyond the end is a Failure('integrity'). */
  acknowledge(seq: number): Promise<void>;
  /** After each commit, with the number of its last record; returns how to stop. */
  onAppended(listener: (seq: number) => void): () => void;
  counts(): { records: number; uploaded: number };
  /** What a person should know: writing fails (calls are refused), or the chain was tampered with or is missing records (calls go on). */
  error(): ErrorValue | undefined;
  close(): Promise<void>;
}

export interface LedgerOptions {
  /** Absolute; `-wal`, `-shm` and `.anchor` stand beside it. */
  file: string;
  log: Log;
  now: () => number;
  /** Seals the end of the chain. From the vault, or from a private file where the vault does not outlive the process. */
  key?: Uint8Array | undefined;
  /** Keeps the end of the chain in the vault; absent where the system protects nothing. */
  vault?: HeadKeeper | undefined;
  /** What the central API holds of this device; undefined: nothing yet. Rejects where it cannot be reached. */
  central?: ((until: AbortSignal) => Promise<CentralHead | undefined>) | undefined;
  /** For tests: how far the writer may fall behind. */
  limit?: number;
}

// At 40,000 records a second this is more than a second of silence from the disk.
const furthest = 50_000;
// Milliseconds until the central API counts as not reachable.
const askFor = 10_000;

const overdue: ErrorValue = {
  code: 'unavailable',
  message: 'The ledger cannot be written as fast as calls arrive; calls are refused until it has caught up.',
  fix: 'Wait a moment. If it stays, look for what keeps the disk busy.',
};

/**
 * Opens the ledger: SQLite with a writer thread, a hash chain, a sealed head and an anchor file.
 *
 * What a person can do who can edit these files. They cannot change unseen a record in the middle (its hash, its successor), nor the end or the
 * whole (the head's seal needs the key; the anchor shows an older copy of the database; the vault knows the end of a chain whose files were all
 * put back or deleted). Without a key they can rewrite chain, head and anchor together. If they put back the vault as well, only central notices:
 * it holds records that this ledger then lacks or has differently. A person who can run code as this user can ask the vault for the key: against
 * them only what central holds counts.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { file, log, now, limit = furthest } = options;
  const listeners = openListeners<number>('the ledger', log);
  let reader: Reader | undefined;
  let cursor = 0;
  let trouble: ErrorValue | undefined;
  let late = false;
  let lost = 0;
  let lostFrom = 0;
  let closed = false;

  const vaultHead = await headIn(options.vault);
  const keeping = openKeeping(options.vault, vaultHead, log);
  const queue = await openQueue({ file, key: options.key, vault: vaultHead, at: now() }, log, now, {
    durable: keeping.keep,
    ready(said) {
      cursor = said.cursor;
      setTrouble(said.trouble);
      reader ??= openReader(file);
    },
    trouble: setTrouble,
    release() {
      reader?.close();
      reader = undefined;
    },
    committed(seq) {
      listeners.tell(seq);
    },
  });

  function setTrouble(error: ErrorValue | undefined): void {
    trouble = error;
    if (error !== undefined) log.error({ error }, 'ledger: the chain is not whole');
  }

  function read(): Reader {
    if (closed) throw new Failure('not-running', 'The ledger is closed.');
    if (reader === undefined) throw new Failure('unavailable', 'The ledger file is being replaced.', 'Try again in a moment.');
    return reader;
  }

  function lateNow(): boolean {
    const behind = queue.behind();
    return (late = late ? behind > limit / 2 : behind > limit);
  }

  function append(entry: LedgerEntry): void {
    if (closed) return log.error({ method: entry.method }, 'ledger: a record came after closing');
    // From the limit on calls are refused. Up to twice the limit there is room for the calls under way and for the refusals.
    if (queue.behind() >= limit * 2) {
      if (lost++ === 0) lostFrom = now();
      return;
    }
    if (lost > 0 && queue.behind() < limit) admitLoss();
    queue.push(toRow(entry, now));
  }

  function admitLoss(): void {
    const span = `between ${new Date(lostFrom).toISOString()} and ${new Date(now()).toISOString()}`;
    log.error({ lost }, 'ledger: records were lost');
    queue.push(toRow(noteOf('gap', `${lost} records could not be kept ${span}: the ledger could not be written.`, now()), now));
    lost = 0;
  }

  return {
    append,
    healthy: () => !closed && queue.failing() === undefined && !lateNow(),
    flush: () => queue.ask('flush', undefined),
    list: (filter) => read().list(filter),
    get: (seq) => read().get(seq),
    usage: (range, server) => read().usage(range, server, now()),
    today: () => read().today(now()),
    async verify() {
      await keeping.settled();
      const { vault: keeper, central: ask } = options;
      // Read before central is asked: otherwise central would seem to lack what it acknowledges meanwhile.
      const counted = await queue.ask('cursor', undefined);
      let held: number | undefined;
      const ofCentral = async () => {
        const head = await ask!(AbortSignal.timeout(askFor));
        held = head?.seq ?? 0;
        return head;
      };
      const [vault, central] = await Promise.all([
        told(keeper && (() => headIn(keeper)), 'there is no keychain on this computer', 'it keeps nothing of this ledger yet', log),
        told(ask && ofCentral, 'it was not asked', 'it has nothing of this device yet', log),
      ]);
      const uploads = held === undefined ? undefined : { counted, held };
      const verdict = await queue.ask('verify', { vault: headOf(vault), central: headOf(central), uploads });
      const compared = { vault: upTo(vault), central: upTo(central) };
      return { ...verdict, ok: verdict.ok && ('head' in vault || 'head' in central), ...compared };
    },
    acceptLoss: async (person) => ({ seq: await queue.ask('accept-loss', { person, at: now() }) }),
    export: (format, before, pageSize) => queue.ask('export', { format, before, limit: pageSize }),
    unsent: (after, limit, bytes) => queue.ask('unsent', { after, limit, bytes }),
    cursor: () => cursor,
    async acknowledge(seq) {
      cursor = await queue.ask('acknowledge', seq);
    },
    onAppended: (listener) => listeners.add(listener),
    counts() {
      const { records, firstSeq } = queue.head();
      return { records, uploaded: Math.min(records, Math.max(0, cursor - firstSeq + 1)) };
    },
    error: () => queue.failing() ?? (lateNow() ? overdue : trouble),
    async close() {
      if (closed) return;
      if (lost > 0) admitLoss();
      closed = true;
      reader?.close();
      reader = undefined;
      await queue.close();
      await keeping.close();
    },
  };
}

/** The head in the vault. A text that is no head is an error, not an absent head. */
async function headIn(vault: HeadKeeper | undefined): Promise<Head | undefined> {
  const text = await vault?.read();
  if (text === undefined) return undefined;
  const head = parseHead(text);
  if (head === undefined)
    throw new Failure(
      'unavailable',
      'What the vault keeps of the ledger is damaged.',
      'Restore it from a backup. If there is none: gatehouse vault reset.',
    );
  return head;
}

const headOf = <T>(answer: Told<T>): T | undefined => ('head' in answer ? answer.head : undefined);
const upTo = (answer: Told<{ seq: number }>): Compared => ('head' in answer ? { upTo: answer.head.seq } : answer);
