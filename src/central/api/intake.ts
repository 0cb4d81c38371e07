import { z } from 'zod';
import type { CentralStore } from '../store/store.ts';

/** The fields that are needed to keep and to check a ledger record. The whole record is stored as it came. */
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
  /** Name of the chain; older apps do not send it. */
  chain: z.string().max(128).optional(),
  records: z.array(ledgerRecord).max(5000),
});
export type LedgerUpload = z.output<typeof ledgerUpload>;
export type UploadedRecord = z.output<typeof ledgerRecord>;

/**
 * Records by which a device's ledger notes that earlier records were destroyed before they came here. Nothing can bring those back, so the chain goes on
 * after the note, and the note stays in it as the sign that something is missing.
 */
const brokenOff = new Set(['gatehouse/ledger-restarted', 'gatehouse/ledger-mismatch']);

/** `hash`: of the record before the expected one, as we have it, so that the device can tell whether that is its own. */
export type IntakeResult = { acknowledged: number } | { refused: 'gap'; expected: number; hash?: string; message: string };

/** Where the chain of a device ends here. `incidents`: sentences for people, oldest first. */
export interface LedgerHead {
  chain: string;
  seq: number;
  hash: string;
  incidents: string[];
}

/**
 * Takes records in order from a device that has proven its key. A record is good when its own hash is right and the record before it, by number
 * and by hash, is already known of this device. Records before a gap are kept: what was accepted once is never dropped.
 *
 * Records that contradict themselves or those of before are kept as they came and noted as an incident: refusing them would lock a device out for
 * good and lose what it recorded. `report` hears of each incident once, for whoever runs the service. The same holds for a record that names
 * a person who was not enrolled on this device by then: it is kept, and counts for nobody, also later, since who wrote it is not proven.
 */
export function takeLedger(
  store: CentralStore,
  uploader: string,
  upload: LedgerUpload,
  hashRecord: (record: UploadedRecord) => string,
  now: string,
  report: (incident: { device: string; uploader: string; message: string }) => void,
): IntakeResult {
  const { database } = store;
  const storedRecord = database.prepare('SELECT 1 FROM ledger WHERE device = ? AND seq = ? AND hash = ?');
  const anyAt = database.prepare('SELECT 1 FROM ledger WHERE device = ? AND seq = ? LIMIT 1');
  const insert = database.prepare(
    'INSERT INTO ledger (device, seq, hash, previous_hash, uploaded_by, received_at, record, person) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const enrolled = database.prepare('SELECT 1 FROM enrolled WHERE device = ? AND person = ?');
  const { device, records, chain = '' } = upload;
  const note = (kind: string, { seq, hash }: { seq: number; hash: string }, message: string) => {
    const { changes } = database
      .prepare('INSERT OR IGNORE INTO incidents (device, kind, seq, hash, uploaded_by, at, message) VALUES (?, ?, ?, ?, ?, ?, ?)')
      .run(device, kind, seq, hash, uploader, now, message);
    if (changes > 0) report({ device, uploader, message });
  };
  return store.transaction(() => {
    store.enrol(device, uploader, now);
    const proven = new Map<string, boolean>();
    const isProven = (person: string): boolean => {
      const isEnrolled = proven.get(person) ?? enrolled.get(device, person) !== undefined;
      proven.set(person, isEnrolled);
      return isEnrolled;
    };
    let strangers = false;
    const head = database.prepare('SELECT chain, seq, hash FROM heads WHERE device = ?').get(device);
    let end = head as { chain: string; seq: number; hash: string } | undefined;
    let last = lastTaken(store, device);
    const save = () => {
      if (end === undefined) return;
      database
        .prepare(
          `INSERT INTO heads (device, chain, seq, hash, counter) VALUES (?, ?, ?, ?, 1)
           ON CONFLICT (device) DO UPDATE SET chain = excluded.chain, seq = excluded.seq, hash = excluded.hash, counter = counter + 1`,
        )
        .run(device, end.chain, end.seq, end.hash);
    };
    let reached = records.length === 0 ? last.seq : 0;
    let moved = false;
    for (const [at, record] of records.entries()) {
      const { seq, hash, previousHash } = record;
      const refuse = (expected: number, message: string): IntakeResult => {
        if (moved) save();
        // Only the number before the expected one has a hash to compare.
        return { refused: 'gap', expected, ...(expected === last.seq + 1 && last.hash !== '' ? { hash: last.hash } : {}), message };
      };
      if (hashRecord(record) !== hash)
        note('altered', record, `Record ${seq} was altered before it was uploaded: its hash is not that of its content.`);
      if (storedRecord.get(device, seq, hash) === undefined) {
        const follows = seq === last.seq + 1 && previousHash === last.hash;
        if (!follows && seq > 1 && storedRecord.get(device, seq - 1, previousHash) === undefined) {
          if (brokenOff.has(record.method)) note('gap', record, `The device noted at record ${seq} that records before it were lost.`);
          else if (records[at - 1]?.seq === seq - 1)
            note(
              'altered',
              record,
              `Record ${seq} does not continue record ${seq - 1}: one of the two was altered before it was uploaded.`,
            );
          else
            return anyAt.get(device, seq - 1) === undefined
              ? refuse(last.seq + 1 < seq ? last.seq + 1 : 1, `Record ${seq - 1} has not been uploaded.`)
              : refuse(1, `Record ${seq} does not continue the record ${seq - 1} that is known.`);
        }
        const forks = !follows && anyAt.get(device, seq) !== undefined;
        if (forks) note('went-back', record, `The chain went back: record ${seq} was uploaded before with other content.`);
        if (end !== undefined && chain !== '' && end.chain !== '' && end.chain !== chain)
          note('began-anew', record, `The chain began anew at record ${seq}; the former one ended with record ${end.seq}.`);
        const person = record.person !== '' && isProven(record.person) ? record.person : null;
        // Noted once for each upload: each record is marked anyway (no `person`), and there may be thousands.
        if (person === null && record.person !== '' && !strangers) {
          strangers = true;
          note('person', record, `Record ${seq} names a person who never signed in on this device: such records count for nobody.`);
        }
        insert.run(device, seq, hash, previousHash, uploader, now, JSON.stringify(record), person);
        last = { seq, hash };
        if (end === undefined || forks || seq > end.seq || (chain !== '' && end.chain !== chain)) {
          end = { chain: chain === '' ? (end?.chain ?? '') : chain, seq, hash };
          moved = true;
        }
      }
      reached = seq;
    }
    if (moved) save();
    return { acknowledged: reached };
  });
}

/** Where the chain of a device ends; undefined: nothing is kept of it. */
export function ledgerHead(store: CentralStore, device: string): LedgerHead | undefined {
  const row = store.database.prepare('SELECT chain, seq, hash FROM heads WHERE device = ?').get(device);
  if (row === undefined) return undefined;
  // The kinds `gap` and `person` are left out: they say nothing against this chain.
  const incidents = store.database
    .prepare(`SELECT message FROM incidents WHERE device = ? AND kind IN ('went-back', 'began-anew', 'altered') ORDER BY id LIMIT 100`)
    .all(device);
  return {
    chain: row['chain'] as string,
    seq: row['seq'] as number,
    hash: row['hash'] as string,
    incidents: incidents.map(({ message }) => message as string),
  };
}

/** The record that the device goes on from: the one that it sent last, not the one with the highest number. */
function lastTaken(store: CentralStore, device: string): { seq: number; hash: string } {
  const row = store.database.prepare('SELECT seq, hash FROM ledger WHERE device = ? ORDER BY rowid DESC LIMIT 1').get(device);
  return row === undefined ? { seq: 0, hash: '' } : { seq: row['seq'] as number, hash: row['hash'] as string };
}
