// npm run bench: the gateway with everything on (bearer, policy, ledger) beside direct, a bare proxy and a gateway of the SDK's classes,
// in turn, in one run. Prints tables in Markdown; --write puts them into BENCHMARKS.md and README.md, --json FILE writes the figures,
// --quick does a tenth of the work.
import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, loadavg, platform, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { measureCalls, measureExchange, measureMemory, measureWide } from './measure.mjs';
import { output, stopAll } from './processes.mjs';
import { restartTimes } from './restart.mjs';
import { firstList, startTime } from './start.mjs';
import { between, full, short } from './table.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    rules: { type: 'string', default: '50' },
  },
});
const scale = values.quick ? 0.1 : 1;
const load = () => loadavg()[0].toFixed(1);

try {
  const before = load();
  const figures = {
    machine: `${cpus().length} x ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}, Node ${process.version}`,
    rules: Number(values.rules),
    scale,
    ...(await measureCalls(Number(values.rules), scale)),
    memory: await measureMemory(Number(values.rules), scale),
    exchange: await measureExchange(scale),
    wide: await measureWide(scale),
    policy: await output(['test/bench/policy.mjs']),
    results: await output(['test/bench/results.mjs']),
    startUp: await startTime(),
    firstList: await firstList(Number(values.rules)),
    firstListWide: await firstList(5000),
    restart: await restartTimes(Number(values.rules)),
    // Other work on the machine shows here; the bench itself makes about 2.
    loadAverage: [before, load()],
  };
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  process.stdout.write(full(figures));
  if (values.write)
    for (const [file, text] of [
      ['BENCHMARKS.md', full(figures)],
      ['README.md', short(figures)],
    ])
      writeFileSync(file, between(readFileSync(file, 'utf8'), text, file));
} finally {
  stopAll();
}
