import type { ErrorValue } from '../../src/base/errors.ts';
import type { Gatehouse } from '../../src/contract/contract.ts';

/** The whole ledger as one file: read page by page, so that no single answer is large. Returns the number of records, or what went wrong. */
export async function exportLedger(call: Gatehouse['call'], format: 'jsonl' | 'csv'): Promise<number | ErrorValue> {
  const parts: string[] = [];
  let lines = 0;
  let before: number | undefined;
  do {
    const reply = await call('ledger-export', { format, limit: 5000, ...(before === undefined ? {} : { before }) });
    if (!reply.ok) return reply.error;
    const { text, next } = reply.value;
    const part = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    parts.push(part);
    lines += part.split('\n').length - 1;
    before = next;
  } while (before !== undefined);

  const url = URL.createObjectURL(new Blob(parts, { type: format === 'csv' ? 'text/csv' : 'application/jsonl' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `gatehouse-ledger-${new Date().toISOString().slice(0, 10)}.${format}`;
  link.click();
  // The download has its own hold on the data once it has begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return format === 'csv' ? Math.max(0, lines - 1) : lines;
}
