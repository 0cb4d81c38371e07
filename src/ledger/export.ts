import type { DatabaseSync } from 'node:sqlite';
import type { CommandParsed } from '../contract/contract.ts';
import { columns, type LedgerRecord, type Stored, toRecord } from './record.ts';

const fields = [
  'seq',
  'at',
  'person',
  'agent',
  'server',
  'method',
  'target',
  'decision',
  'rule',
  'reason',
  'bundleVersion',
  'outcome',
  'error',
  'totalMs',
  'upstreamMs',
  'requestBytes',
  'responseBytes',
  'argumentHash',
  'session',
  'previousHash',
  'hash',
] as const satisfies (keyof LedgerRecord)[];

/** One page of an export, newest first, so that pages laid one after the other are one file. JSON lines hash to their `hash`; CSV is for reading. */
export function exportPage(
  database: DatabaseSync,
  format: CommandParsed<'ledger-export'>['format'],
  before: number | undefined,
  limit: number,
): { text: string; next?: number } {
  const statement = database.prepare(`SELECT seq, ${columns}, previous_hash, hash FROM records WHERE seq < ? ORDER BY seq DESC LIMIT ?`);
  statement.setReturnArrays(true);
  const rows = statement.all(before ?? Number.MAX_SAFE_INTEGER, limit + 1) as unknown as Stored[];
  const records = rows.slice(0, limit).map(toRecord);
  const lines = records.map((record) =>
    format === 'jsonl' ? JSON.stringify(record) : fields.map((field) => cell(record[field])).join(','),
  );
  if (format === 'csv' && before === undefined) lines.unshift(fields.join(','));
  const text = lines.map((line) => `${line}\n`).join('');
  return rows.length > limit ? { text, next: records[records.length - 1]!.seq } : { text };
}

// Names come from agents. A spreadsheet runs a cell that begins like a formula, so it gets an apostrophe before it. A terminal runs what follows
// an escape character, so control characters are replaced.
function cell(content: string | number | undefined): string {
  if (typeof content !== 'string') return content === undefined ? '' : String(content);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const printable = content.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g, '\ufffd');
  const inert = /^[=+\-@\t\r]/.test(printable) ? `'${printable}` : printable;
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
