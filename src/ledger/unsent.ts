import type { DatabaseSync } from 'node:sqlite';
import { columns, type Stored, toRecord } from './record.ts';

/** Records in order, as JSON text: they were hashed as such, and nobody on the way up needs them as objects. */
export interface Batch {
  /** Sequence numbers of the first and the last of them. */
  first: number;
  last: number;
  /** The last one's hash. */
  hash: string;
  /** A JSON array of records. */
  json: string;
  /** Name of the chain. */
  chain: string;
  /** There are further ones behind it. */
  more: boolean;
}

/** What lies behind `after` and not beyond `upTo`: at most `limit` records and `bytes` of text, always one at least; undefined where there is none. */
export function batchAfter(database: DatabaseSync, after: number, upTo: number, limit: number, bytes: number): Batch | undefined {
  const next = database.prepare(`SELECT seq, ${columns}, previous_hash, hash FROM records WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`);
  next.setReturnArrays(true);
  const texts: string[] = [];
  let size = 0;
  let batch: Omit<Batch, 'json' | 'more' | 'chain'> | undefined;
  let more = false;
  for (const row of next.iterate(after, upTo, limit + 1) as Iterable<unknown>) {
    const record = toRecord(row as Stored);
    const text = JSON.stringify(record);
    size += Buffer.byteLength(text) + 1;
    more = batch !== undefined && (texts.length === limit || size > bytes);
    if (more) break;
    texts.push(text);
    batch = { first: batch?.first ?? record.seq, last: record.seq, hash: record.hash };
  }
  const chain = String(database.prepare('SELECT chain FROM head').get()?.['chain'] ?? '');
  return batch && { ...batch, chain, json: `[${texts.join(',')}]`, more };
}
