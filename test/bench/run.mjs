// npm run bench: the gateway with everything on (bearer, policy, ledger) beside direct and a bare proxy, in turn, in one run.
// Prints a table in Markdown; --json FILE writes the figures, --quick does a tenth of the work.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { arch, cpus, platform, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { remove, writeCompany } from './company.mjs';

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean', default: false }, rules: { type: 'string', default: '50' } },
});
const scale = values.quick ? 0.1 : 1;
const children = [];
const cli = 'dist/main/cli.js';

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
};

async function start(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`${args.join(' ')} ended with ${code}`);
    }),
  ]);
  return { child, line };
}

async function output(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${text}`);
  return JSON.parse(text);
}

const load = (url, options) =>
  output([
    'test/bench/load.mjs',
    url,
    ...Object.entries(options)
      .filter(([, value]) => value !== undefined)
      .flatMap(([key, value]) => (value === true ? [`--${key}`] : [`--${key}`, String(value)])),
  ]);
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const medians = (rounds) =>
  Object.fromEntries(
    ['p50_ms', 'p95_ms', 'p99_ms', 'per_s', 'cpu_us_per_call', 'rss_mb'].map((key) => [key, median(rounds.map((round) => round[key]))]),
  );
const rss = (pid) => Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024);

async function measure() {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const [echoPort, proxyPort] = [await freePort(), await freePort()];
  const echo = await start(['test/bench/echo-upstream.mjs', String(echoPort), '1000']);
  const proxy = await start(['test/bench/bare-proxy.mjs', String(proxyPort), String(echoPort)]);
  writeCompany(join(dir, 'company'), { port: echoPort, tools: 1000, rules: Number(values.rules) });
  const data = join(dir, 'data');
  const demo = await start([
    cli,
    'demo',
    '--json',
    '--no-open',
    '--port',
    '0',
    '--data',
    data,
    '--company',
    join(dir, 'company'),
    '--sign-in',
    'engineer',
  ]);
  const ready = JSON.parse(demo.line);
  const { token } = await output([cli, 'agents', 'add', 'bench', '--data', data, '--json']);
  const pid = JSON.parse(readFileSync(join(data, 'control.json'), 'utf8')).pid;
  const targets = {
    direct: { url: `http://127.0.0.1:${echoPort}/mcp`, pid: echo.child.pid, tool: 'echo' },
    'bare proxy': { url: `http://127.0.0.1:${proxyPort}/mcp`, pid: proxy.child.pid, tool: 'echo' },
    Gatehouse: { url: ready.mcp, pid, tool: 'echo__echo', bearer: token },
  };
  const calls = {};
  for (const sessions of [1, 32]) {
    const rounds = {};
    for (let round = 0; round < 3; round++)
      for (const [name, target] of Object.entries(targets))
        (rounds[name] ??= []).push(
          await load(target.url, {
            ...target,
            url: undefined,
            sessions,
            calls: Math.round((sessions === 1 ? 3000 : 10000) * scale),
            warm: 500,
          }),
        );
    calls[sessions] = Object.fromEntries(Object.entries(rounds).map(([name, all]) => [name, medians(all)]));
  }
  const list = await load(ready.mcp, { list: true, sessions: 1, calls: Math.round(200 * scale), warm: 1, bearer: token });
  const memory = [rss(pid)];
  for (let part = 0; part < 2; part++) {
    await load(ready.mcp, { tool: 'echo__echo', sessions: 8, calls: Math.round(50_000 * scale), bearer: token });
    memory.push(rss(pid));
  }
  const verified = await output([cli, 'ledger', 'verify', '--data', data, '--json']);
  demo.child.kill('SIGTERM');
  await once(demo.child, 'exit');
  const startUp = await startTime(join(dir, 'fresh'));
  remove(dir);
  return {
    machine: `${cpus().length} x ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}, Node ${process.version}`,
    rules: Number(values.rules),
    calls,
    list,
    memory,
    verified,
    startUp,
  };
}

/** From spawning `gatehouse serve` to its line "ready"; the median of five. */
async function startTime(data) {
  const times = [];
  for (let round = 0; round < 5; round++) {
    const began = performance.now();
    const { child } = await start([
      cli,
      'serve',
      '--json',
      '--data',
      data,
      '--port',
      '0',
      '--ui-port',
      '0',
      '--central',
      'http://127.0.0.1:9',
    ]);
    times.push(performance.now() - began);
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  return Math.round(median(times));
}

function table({ machine, rules, calls, list, memory, verified, startUp }) {
  const rows = [];
  for (const [sessions, byName] of Object.entries(calls))
    for (const [name, m] of Object.entries(byName)) {
      const ratio = (key) => `${(m[key] / byName['bare proxy'][key]).toFixed(2)}x`;
      rows.push(
        `| ${sessions} | ${name} | ${m.p50_ms} | ${ratio('p50_ms')} | ${m.p99_ms} | ${m.cpu_us_per_call} | ${ratio('cpu_us_per_call')} | ${m.per_s} |`,
      );
    }
  return `Measured on ${machine}; bearer, ${rules} rules and ledger on; medians of three rounds, ratios to the bare proxy of the same run.

| sessions | path | p50 ms | p50 ratio | p99 ms | CPU us per call | CPU ratio | calls per s |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

| what | figure |
|---|---|
| \`tools/list\` of 1,000 tools, p50 / p99 | ${list.p50_ms} / ${list.p99_ms} ms |
| resident memory: before, after 50,000, after 100,000 further calls | ${memory.join(' / ')} MB |
| \`gatehouse serve\` to ready | ${startUp} ms |
| records in the ledger afterwards, verified | ${verified.records}, ${verified.ok} |
`;
}

try {
  const figures = await measure();
  if (values.json) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
  process.stdout.write(table(figures));
} finally {
  for (const child of children) if (child.exitCode === null) child.kill('SIGTERM');
}
