import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import test from 'node:test';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { hashRecord, hashSorted, type LedgerEntry, toRow, toUnhashed } from '../../src/ledger/record.ts';
import { entry, folder, noon, open, unsent, verified } from './entries.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url');
const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('\ud800', 'a\0b', '__proto__', '"\\\n\u2028'));
const anything = fc.record<LedgerEntry>({
  at: fc.integer({ min: 0, max: 4e12 }),
  person: text,
  agent: text,
  server: text,
  method: text,
  target: text,
  decision: fc.constantFrom('allow', 'ask', 'deny'),
  rule: text,
  reason: text,
  bundleVersion: fc.nat(),
  outcome: fc.constantFrom('ok', 'error'),
  error: fc.option(text, { nil: undefined }),
  totalMs: fc.double({ min: 0, max: 1e7 }),
  upstreamMs: fc.double(),
  requestBytes: fc.nat(),
  responseBytes: fc.maxSafeInteger(),
  argumentHash: text,
});

test('a hash is SHA-256 over RFC 8785, whatever the order of the keys', () => {
  fc.assert(
    fc.property(anything, (ledgerEntry) => {
      const record = toUnhashed(
        toRow(ledgerEntry, () => noon),
        5,
        'before',
      );
      const wanted = sha256(canonicalize(record)!);
      assert.equal(hashSorted(record), wanted);
      const shuffled = Object.fromEntries(Object.entries(record).reverse()) as typeof record;
      assert.equal(hashRecord(shuffled), wanted);
      assert.equal(hashRecord({ ...JSON.parse(JSON.stringify(shuffled)), hash: 'x' }), wanted);
    }),
  );
});

test('a key that central does not know is covered by the hash too', () => {
  const record = toUnhashed(
    toRow(entry(), () => noon),
    1,
    '',
  );
  assert.notEqual(hashRecord(record), hashRecord({ ...record, note: 'smuggled in' } as typeof record));
});

test('every text and number comes back from the database as it was hashed', async (t) => {
  const ledger = await open(t, join(folder(t), 'ledger.db'));
  const ledgerEntries = fc.sample(anything, 300);
  for (const ledgerEntry of ledgerEntries) ledger.append(ledgerEntry);
  assert.deepEqual(await verified(ledger), { ok: true, records: 300 });
  for (const record of await unsent(ledger, 0, 300)) {
    const { hash, ...rest } = record;
    assert.equal(hashRecord(rest), hash);
    const wanted = toUnhashed(
      toRow(ledgerEntries[record.seq - 1]!, () => noon),
      record.seq,
      record.previousHash,
    );
    assert.deepEqual(rest, wanted);
  }
});

test('what cannot be JSON is made so: times, durations, sizes and over-long text', () => {
  const row = toRow(
    entry({
      at: Number.NaN,
      totalMs: 1.23456,
      upstreamMs: Number.NaN,
      requestBytes: -1,
      responseBytes: Infinity,
      target: 'x'.repeat(5_000_000),
    }),
    () => noon,
  );
  const record = toUnhashed(row, 1, '');
  assert.equal(record.at, '2026-11-23T12:00:00.000Z');
  assert.equal(record.totalMs, 1.235);
  assert.deepEqual([record.upstreamMs, record.requestBytes, record.responseBytes], [0, 0, 0]);
  assert.equal(record.target.length, 4096);
  assert.ok(record.target.endsWith('x…'));
});
