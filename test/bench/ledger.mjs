// Prints one JSON line: what an append costs its caller, what the writer sustains, how long verification takes.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { silent } from '../../src/base/log.ts';
import { openLedger } from '../../src/ledger/ledger.ts';

const total = Number(process.argv[2] ?? 100_000);
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
const file = join(folder, 'ledger.db');
const ledger = await openLedger({ file, log: silent, now: Date.now, key: new Uint8Array(32) });

const tools = Array.from({ length: 40 }, (_, index) => `tool_${index}`);
const entry = (index) => ({
  at: Date.now(),
  person: 'ann@example.com',
  agent: ['claude-code', 'codex', 'cursor'][index % 3],
  server: ['tickets', 'crm', 'files', 'releases'][index % 4],
  method: 'tools/call',
  target: tools[index % tools.length],
  decision: index % 20 === 0 ? 'deny' : 'allow',
  rule: 'R-17',
  reason: 'Engineers may work on the tickets of their own project.',
  bundleVersion: 12,
  outcome: index % 20 === 0 ? 'error' : 'ok',
  totalMs: 3.2171 + (index % 100),
  upstreamMs: 2.1,
  requestBytes: 300 + (index % 1000),
  responseBytes: 2000,
  argumentHash: 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6',
});
const turn = () => new Promise(setImmediate);
const percentile = (values, part) => values.sort((a, b) => a - b)[Math.floor(values.length * part)];

// Steady: a few records a turn of the loop, as a busy gateway makes them.
const costs = [];
for (let index = 0; index < 20_000; index++) {
  const before = performance.now();
  ledger.append(entry(index));
  costs.push((performance.now() - before) * 1000);
  if (index % 4 === 3) await turn();
}
await ledger.flush();

// All the main thread pays, posting to the writer included.
let appended = 0;
const cpuBefore = process.cpuUsage();
const threadBefore = process.threadCpuUsage();
const started = performance.now();
while (appended < total) {
  for (let index = 0; index < 100 && appended < total; index++) ledger.append(entry(appended++));
  await turn();
  while (!ledger.healthy()) await turn();
}
const handedOver = performance.now() - started;
await ledger.flush();
const took = performance.now() - started;
const cpu = process.cpuUsage(cpuBefore);
const thread = process.threadCpuUsage(threadBefore);

const verifyStarted = performance.now();
const verdict = await ledger.verify();
const verifyMs = performance.now() - verifyStarted;

const timed = (work, times = 20) => {
  const spent = [];
  for (let index = 0; index < times; index++) {
    const before = performance.now();
    work();
    spent.push(performance.now() - before);
  }
  return round(percentile(spent, 0.5));
};
const round = (value) => Math.round(value * 100) / 100;
const queries = {
  lastHundred: timed(() => ledger.list({ limit: 100 })),
  byAgent: timed(() => ledger.list({ limit: 100, agent: 'codex' })),
  denied: timed(() => ledger.list({ limit: 100, decision: 'deny' })),
  textWithoutHit: timed(() => ledger.list({ limit: 100, text: 'nowhere' })),
  usageMonth: timed(() => ledger.usage('month')),
  today: timed(() => ledger.today()),
};
await ledger.close();
console.log(
  JSON.stringify({
    records: verdict.records,
    ok: verdict.ok,
    appendUs: { p50: round(percentile(costs, 0.5)), p99: round(percentile(costs, 0.99)) },
    callerCpuUsPerRecord: round((thread.user + thread.system) / total),
    allCpuUsPerRecord: round((cpu.user + cpu.system) / total),
    handedOverMs: round(handedOver),
    sustainedPerSecond: Math.round((total / took) * 1000),
    verifyMs: round(verifyMs),
    verifyMsPer100k: round((verifyMs / verdict.records) * 100_000),
    queryMs: queries,
    fileMB: round(statSync(file).size / 1e6),
  }),
);
rmSync(folder, { recursive: true });
