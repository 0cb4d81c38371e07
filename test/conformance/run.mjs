// `npm run conformance`: the protocol's own conformance suites against Gatehouse, as a server (the fixture behind it, in three variants) and as a
// client (the suites' servers behind it). `--write` puts the result into CONFORMANCE.md. Ends with 0 when all that is scored passes and what
// else fails is known; 3 where the suites cannot be installed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mayFail, notApplicable } from './known.mjs';
import { conformancePackage, root } from './packages.mjs';
import { openStand } from './stand.ts';
import { clientRun, clientScenarios, serverRun, suites } from './suites.mjs';
import { report } from './table.mjs';

const { values } = parseArgs({ options: { write: { type: 'boolean' }, keep: { type: 'boolean' } } });
const variants = ['legacy', 'modern', 'dual'];

try {
  for (const { version } of suites) conformancePackage(version);
} catch (error) {
  console.log(error.message);
  process.exit(3);
}
const out = mkdtempSync(join(tmpdir(), 'gatehouse-conformance-'));
const started = performance.now();
const problems = [];

async function serverCell(suite, variant) {
  const stand = await openStand(variant);
  try {
    const run = await serverRun(suite, stand.url, join(out, `server-${suite.name}-${variant}`));
    if (run.results.length === 0) problems.push(`${suite.name}, ${variant}: nothing ran\n${run.text.slice(-2000)}`);
    const across = variant !== 'dual' && (variant === 'modern') !== (suite.revision === '2026-07-28');
    const results = run.results.map((result) => ({ ...result, reason: mayFail(suite.name, result.scenario, across) }));
    for (const result of results) judge(`server ${suite.name}, ${variant} upstream`, result);
    // Across eras the suite's own code speaks of what it does not score, too.
    if (!across && run.code !== 0)
      problems.push(`${suite.name}, ${variant}: the suite itself says no (${run.code})\n${run.text.slice(-2000)}`);
    return { suite: suite.name, variant, across, results };
  } finally {
    await stand.close();
  }
}

async function clientCell(suite, { scenario, scored }) {
  const reason = notApplicable(scenario);
  if (reason) return { suite: suite.name, scenario, scored, skipped: reason };
  const run = await clientRun(suite, scenario, join(out, `client-${suite.name}`, scenario.replaceAll('/', '_')));
  judge(`client ${suite.name}`, { ...run, scenario, scored, reason: undefined });
  if (run.code !== 0) problems.push(`client ${suite.name}: ${scenario} ended with ${run.code}\n${run.text.slice(-2000)}`);
  return { suite: suite.name, scenario, scored, ...run };
}

/** What is scored has to pass; what is not, too, or to be known. */
function judge(where, { scenario, scored, ran, failed, reason, why }) {
  if (!ran) problems.push(`${where}: ${scenario} did not run`);
  else if (failed > 0 && (scored || !reason)) problems.push(`${where}: ${scenario} fails: ${why.join('; ')}`);
}

/** A few at a time: the suites judge timing, too. */
async function all(jobs, atOnce) {
  const results = [];
  const next = jobs.entries();
  const work = async () => {
    for (const [index, job] of next) results[index] = await job();
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

const servers = await all(
  suites.flatMap((suite) => variants.map((variant) => () => serverCell(suite, variant))),
  3,
);
const wanted = await Promise.all(
  suites.map(async (suite) => (await clientScenarios(suite)).map((scenario) => () => clientCell(suite, scenario))),
);
const clients = await all(wanted.flat(), 3);

const text = report({ suites, variants, servers, clients });
if (values.write) writeFileSync(join(root, 'CONFORMANCE.md'), text);
else console.log(text);
if (values.keep) console.log(`All that the suites wrote: ${out}`);
else rmSync(out, { recursive: true, force: true });
for (const problem of problems) console.log(`FAIL ${problem}`);
console.log(
  `${problems.length === 0 ? 'Conformance holds' : `${problems.length} problems`} (${((performance.now() - started) / 1000).toFixed(0)} s)`,
);
process.exit(problems.length === 0 ? 0 : 1);
