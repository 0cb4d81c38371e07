import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { headKeeper } from '../../src/app/local-key.ts';
import { silent } from '../../src/base/log.ts';
import { type Ledger, type LedgerOptions, openLedger } from '../../src/ledger/ledger.ts';
import type { LedgerEntry, LedgerRecord } from '../../src/ledger/record.ts';
import { openVaultFile } from '../../src/shell/vault-file.ts';

export const noon = Date.UTC(2026, 10, 23, 12);
export const key = new Uint8Array(32).fill(7);

/** A call as the pipeline records it; what a test is about is given. */
export function entry(fields: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    at: noon,
    person: 'ann',
    agent: 'claude-code',
    server: 'tickets',
    method: 'tools/call',
    target: 'tickets_list',
    decision: 'allow',
    rule: 'R-1',
    reason: 'Engineers work on tickets.',
    bundleVersion: 3,
    outcome: 'ok',
    totalMs: 12.3456789,
    upstreamMs: 10,
    requestBytes: 120,
    responseBytes: 4096,
    argumentHash: 'abc',
    ...fields,
  };
}

/** What would go up next, as objects. */
export async function unsent(ledger: Ledger, after: number, limit: number): Promise<LedgerRecord[]> {
  const batch = await ledger.unsent(after, limit, Number.MAX_SAFE_INTEGER);
  return batch === undefined ? [] : (JSON.parse(batch.json) as LedgerRecord[]);
}

const opened = new WeakMap<TestContext, Ledger[]>();

/** A folder that goes away after the test, with the ledgers of the test closed before. */
export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'gatehouse-ledger-'));
  // After-hooks run first come, first served, so this one closes what was opened later before it takes the ground away.
  t.after(async () => {
    for (const ledger of opened.get(t) ?? []) await ledger.close();
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

/** A ledger whose end is kept in a real vault beside it. */
export async function opening(file: string, options: Partial<LedgerOptions> = {}): Promise<LedgerOptions> {
  const vault = headKeeper(await openVaultFile(dirname(file), Buffer.alloc(32, 9), 'keychain'), key);
  return { file, log: silent, now: () => noon, key, vault, ...options };
}

/** What verification says of the chain itself. */
export async function verified(ledger: Ledger) {
  const { ok, records, problem } = await ledger.verify();
  return { ok, records, ...(problem === undefined ? {} : { problem }) };
}

export async function open(t: TestContext, file: string, options: Partial<LedgerOptions> = {}): Promise<Ledger> {
  const ledger = await openLedger(await opening(file, options));
  opened.set(t, [...(opened.get(t) ?? []), ledger]);
  return ledger;
}

/** A closed ledger of so many records, ready to be tampered with. */
export async function written(t: TestContext, count: number, options: Partial<LedgerOptions> = {}): Promise<string> {
  const file = join(folder(t), 'ledger.db');
  const ledger = await openLedger(await opening(file, options));
  for (let index = 0; index < count; index++) ledger.append(entry({ target: `tool_${index + 1}` }));
  await ledger.close();
  return file;
}

/** Edits the file as anybody with a SQLite shell can. */
export function edit(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}
