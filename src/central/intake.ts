import { z } from 'zod';
import type { CentralStore } from './store.ts';

/** Enough of a ledger record to keep and to prove it; the whole is stored as it came. */
export const ledgerRecord = z.looseObject({
  seq: z.int().min(1),
  at: z.string(),
  person: z.string(),
  server: z.string(),
  method: z.string(),
  target: z.string(),
  decision: z.string(),
  previousHash: z.string().max(128),
  hash: z.string().min(1).max(128),
});
export const ledgerUpload = z.strictObject({
  device: z.string().min(1).max(128),
  records: z.array(ledgerRecord).max(5000),
});
export type LedgerUpload = z.output<typeof ledgerUpload>;
export type UploadedRecord = z.output<typeof ledgerRecord>;

/**
 * The ledger's own word that records were destroyed on the device before they came here: nothing can bring them back, so the chain goes on behind
 * it, and the note stays in it as the sign that something is missing.
 */
const brokenOff = new Set(['gatehouse/ledger-restarted', 'gatehouse/ledger-mismatch']);

/** `hash`: of the record before the expected one, as we have it, so that the device can tell whether that is its own. */
export type IntakeResult = { acknowledged: number } | { refused: 'gap' | 'integrity'; expected: number; hash?: string; message: string };

/**
 * Takes records in order. A record is good when its own hash is right and the record before it, by number and by hash, is already known of this device.
 * Good records before a bad one stay: what was proven once is never given back.
 *
 * Nothing is trusted but the chain: `person` in a record is the device's word, so the token's subject is stored beside it. Two people who sign in on one
 * device one after the other continue one chain; a device that keeps a ledger per person has one chain each, from sequence number 1.
 */
export function takeLedger(
  store: CentralStore,
  uploader: string,
  upload: LedgerUpload,
  hashRecord: (record: UploadedRecord) => string,
  now: string,
): IntakeResult {
  const { database } = store;
  const known = database.prepare('SELECT 1 FROM ledger WHERE device = ? AND seq = ? AND hash = ?');
  const other = database.prepare(
    'SELECT 1 FROM ledger WHERE device = ? AND seq = ? AND (previous_hash = ? AND seq > 1 OR uploaded_by = ?) AND hash <> ?',
  );
  const anyAt = database.prepare('SELECT 1 FROM ledger WHERE device = ? AND seq = ? LIMIT 1');
  const from = database.prepare('SELECT 1 FROM ledger WHERE device = ? AND seq >= ? LIMIT 1');
  const insert = database.prepare(
    'INSERT INTO ledger (device, seq, hash, previous_hash, uploaded_by, received_at, record) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const { device, records } = upload;
  return store.transaction(() => {
    let acknowledged = lastKnown(store, uploader, device).seq;
    // Behind the end of all that the device ever sent, what continues the record just taken can neither be known nor contradict anything.
    const fresh = records[0] !== undefined && from.get(device, records[0].seq) === undefined;
    let before: UploadedRecord | undefined;
    for (const record of records) {
      const { seq, hash, previousHash } = record;
      const refuse = (refused: 'gap' | 'integrity', message: string) => {
        const last = lastKnown(store, uploader, device);
        return { refused, expected: last.seq + 1, ...(last.hash === undefined ? {} : { hash: last.hash }), message };
      };
      if (hashRecord(record) !== hash) return refuse('integrity', `The hash of record ${seq} is not the hash of its content.`);
      const continues = fresh && before?.seq === seq - 1 && before.hash === previousHash;
      if (continues) insert.run(device, seq, hash, previousHash, uploader, now, JSON.stringify(record));
      else if (known.get(device, seq, hash) === undefined) {
        if (other.get(device, seq, previousHash, uploader, hash) !== undefined)
          return refuse('integrity', `Record ${seq} was uploaded before with other content.`);
        if (seq > 1 && known.get(device, seq - 1, previousHash) === undefined) {
          const destroyed = brokenOff.has(record.method) && from.get(device, seq) === undefined;
          if (!destroyed)
            return anyAt.get(device, seq - 1) === undefined
              ? refuse('gap', `Record ${seq - 1} has not been uploaded.`)
              : refuse('integrity', `Record ${seq} does not continue record ${seq - 1}: its previousHash differs.`);
        }
        insert.run(device, seq, hash, previousHash, uploader, now, JSON.stringify(record));
      }
      acknowledged = Math.max(acknowledged, seq);
      before = record;
    }
    return { acknowledged };
  });
}

/** The person's own last record of this device, else the device's. */
function lastKnown(store: CentralStore, uploader: string, device: string): { seq: number; hash?: string } {
  const select = 'SELECT seq, hash FROM ledger WHERE device = ?';
  const own = store.database.prepare(`${select} AND uploaded_by = ? ORDER BY seq DESC LIMIT 1`).get(device, uploader);
  const row = own ?? store.database.prepare(`${select} ORDER BY seq DESC LIMIT 1`).get(device);
  return row === undefined ? { seq: 0 } : { seq: row['seq'] as number, hash: row['hash'] as string };
}
