import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceFileSync } from '../base/file.ts';

/** Where the chain ends: written in the same transaction as the records it counts. */
export interface Head {
  /** Random name of this chain: a seal of another ledger under the same key does not fit. */
  chain: string;
  firstSeq: number;
  records: number;
  seq: number;
  hash: string;
}

/** The seal of a head: without the key nobody can make one for a chain they shortened or rewrote. */
export function seal(head: Head, key: Uint8Array | undefined): string | null {
  if (key === undefined) return null;
  return createHmac('sha256', key)
    .update(JSON.stringify(['gatehouse-ledger-head-1', head.chain, head.firstSeq, head.records, head.seq, head.hash]))
    .digest('base64url');
}

/** Whether a seal is ours. Without a key every head passes, and only the chain itself can be checked. */
export function sealHolds(head: Head, storedSeal: string | null, key: Uint8Array | undefined): boolean {
  const wanted = seal(head, key);
  if (wanted === null) return true;
  if (storedSeal === null || storedSeal.length !== wanted.length) return false;
  return timingSafeEqual(Buffer.from(storedSeal), Buffer.from(wanted));
}

/** Reads the anchor beside the database: the last head known to be durable. `unreadable` is told apart from absent. */
export function readAnchor(file: string): { head: Head; seal: string | null } | 'unreadable' | undefined {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'unreadable';
  }
  const head = parseHead(source);
  if (head === undefined) return 'unreadable';
  const { seal } = JSON.parse(source) as { seal: unknown };
  return seal === null || typeof seal === 'string' ? { head, seal } : 'unreadable';
}

/** A head as JSON text, as the anchor and the vault have it; undefined where it is none. */
export function parseHead(text: string): Head | undefined {
  try {
    const { chain, firstSeq, records, seq, hash } = JSON.parse(text) as Head;
    const sound =
      typeof chain === 'string' && typeof hash === 'string' && [firstSeq, records, seq].every((n) => Number.isSafeInteger(n) && n >= 0);
    return sound ? { chain, firstSeq, records, seq, hash } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Replaces the anchor in one step. Only for a head that is already on the disk: an anchor ahead of its database would make a mere crash look like
 * tampering.
 */
export function writeAnchor(file: string, head: Head, key: Uint8Array | undefined): void {
  replaceFileSync(file, `${JSON.stringify({ ...head, seal: seal(head, key) })}\n`);
}
