import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { silent } from '../../src/base/log.ts';
import { fetchBootstrap } from '../../src/company/bootstrap.ts';
import { openCompany } from '../../src/company/bundles.ts';
import { openUploader } from '../../src/company/upload.ts';
import { openLedger } from '../../src/ledger/ledger.ts';
import type { LedgerEntry } from '../../src/ledger/record.ts';
import { openAcme } from '../central/open.ts';
import { testHost } from '../support/host.ts';

const entry: LedgerEntry = {
  at: Date.parse('2026-11-23T09:00:00Z'),
  person: 'ada',
  agent: 'claude',
  server: 'tickets',
  method: 'tools/call',
  target: 'close',
  decision: 'allow',
  rule: 'R-1',
  reason: '',
  bundleVersion: 1,
  outcome: 'ok',
  totalMs: 3,
  upstreamMs: 2,
  requestBytes: 10,
  responseBytes: 20,
  argumentHash: 'x',
};

test('with the reference central API and the real ledger: bundle, push, receipt, request, upload', async (t) => {
  const acme = await openAcme(t);
  const host = testHost();
  const { signal } = new AbortController();
  const { bootstrap, fromCache } = await fetchBootstrap({
    fetch: host.fetch,
    central: acme.central().url,
    cacheFile: join(host.dataDir, 'company', 'bootstrap.json'),
    signal,
  });
  assert.equal(fromCache, false);
  const token = await acme.token(['engineering']);
  const company = openCompany({ host, bootstrap, accessToken: async () => token, log: silent });
  t.after(() => company.close());
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const stop = company.watch(() => {
        if (!holds()) return;
        stop();
        resolve();
      });
      if (holds()) resolve();
    });
  await company.start({ sub: 'ada', issuer: bootstrap.issuer });
  assert.deepEqual({ state: company.bundle().state, error: company.bundle().error }, { state: 'fresh', error: undefined });
  const version = company.bundle().bundle!.version;
  acme.write('limits.yaml', 'concurrentCalls: 7\n');
  await until(() => (company.bundle().bundle?.version ?? 0) > version);
  assert.equal(company.bundle().bundle?.limits.concurrentCalls, 7);
  assert.ok((await company.postRequest({ server: 'tickets', reason: 'My team needs it.' })).id);
  assert.ok((await company.postRequest({ name: 'files', command: 'npx -y files ••••', reason: 'I use it.' })).id);
  await company.postReceipt();

  const ledger = await openLedger({ file: join(host.dataDir, 'ledger.sqlite'), log: silent, now: host.now });
  t.after(() => ledger.close());
  const { id } = await company.device();
  const upload = () => {
    const gone: { resolve?: () => void } = {};
    const uploader = openUploader({
      unsent: (after, limit, bytes) => ledger.unsent(after, limit, bytes),
      cursor: () => ledger.cursor(),
      acknowledge: (seq) => ledger.acknowledge(seq),
      post: (records, chain, closing) => company.postLedger(records, chain, closing),
      changed: () => {
        if (ledger.cursor() === ledger.counts().records) gone.resolve?.();
      },
      timing: { retryMs: 10, retryMaxMs: 50 },
      log: silent,
    });
    return { ...uploader, done: new Promise<void>((resolve) => (gone.resolve = resolve)) };
  };
  for (let at = 0; at < 1100; at++) ledger.append(entry);
  await ledger.flush();
  assert.equal(await company.ledgerHead(signal), undefined);
  const first = upload();
  first.poke(true);
  await first.done;
  const last = (await ledger.unsent(ledger.cursor() - 1, 1, 1e6))!;
  const { chain, last: seq, hash } = last;
  assert.deepEqual(await company.ledgerHead(signal), { chain, seq, hash, incidents: [] });
  await first.close();

  // The central API is restored from a backup that had less: it gets the rest again.
  const file = join(acme.dataDir, 'central.sqlite');
  const database = new DatabaseSync(file);
  database.prepare('DELETE FROM ledger WHERE seq > 300').run();
  ledger.append(entry);
  await ledger.flush();
  const second = upload();
  second.poke(true);
  await second.done;
  await second.close();
  const { rows, least, most } = database.prepare('SELECT count(*) AS rows, min(seq) AS least, max(seq) AS most FROM ledger').get()!;
  const receipts = database.prepare('SELECT DISTINCT device FROM receipts').all();
  database.close();
  const { records } = ledger.counts();
  assert.deepEqual({ rows, least, most }, { rows: records, least: 1, most: records });
  assert.equal(ledger.cursor(), records);
  assert.deepEqual(
    receipts.map(({ device }) => device),
    [id],
  );
});
