// npm run soak -- --minutes 20: agents of both eras against servers that crash, hang and lie, while rules change and agents come and go. Passes
// where nothing failed that was not meant to, nothing grew, and the ledger verifies and has exactly the calls that were made.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { crashAgent, legacyAgent, modernAgent, nastyAgent, openTally, revokedAgent, slowAgent } from './agents.mjs';
import { post } from './client.mjs';
import { openUpstreamServers } from './upstreams.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '20' } } });
const phases = 6;
const phaseMs = (Number(values.minutes) * 60_000) / phases;
if (!(phaseMs >= 5000)) throw new Error('--minutes wants at least 0.5');

const servers = await openUpstreamServers();
const child = fork(fileURLToPath(new URL('gateway.mjs', import.meta.url)), [JSON.stringify(servers.entries)], {
  execArgv: ['--expose-gc'],
});
child.once('exit', (code) => code && console.log(`the gateway's process ended with ${code}`));
const [{ ready: url }] = await once(child, 'message');
const waiting = new Map();
let lastId = 0;
child.on('message', ({ id, value, error }) => {
  const { resolve, reject } = waiting.get(id);
  waiting.delete(id);
  if (error) reject(new Error(error));
  else resolve(value);
});
const gateway = (operation, ...args) =>
  new Promise((resolve, reject) => {
    waiting.set(++lastId, { resolve, reject });
    child.send({ id: lastId, operation, args });
  });

const tally = openTally();
const world = { url, gateway, tally };
const token = {};
for (const name of ['l1', 'l2', 'l3', 'm1', 'm2', 'm3', 's1', 's2', 'n1', 'n2', 'c1']) token[name] = await gateway('add', name);
let version = 1;
let restarts = 0;
let resets = 0;

/** What a company and its people do meanwhile: other rules, servers that restart, "reconnect" in the window. */
async function director(stop) {
  for (let second = 1; !stop(); second++) {
    await pause(1000);
    if (second % 7 === 0) await gateway('apply', ++version, second % 2 === 0 ? 'some' : undefined);
    if (second % 20 === 0) {
      restarts++;
      await servers.restart();
    }
    if (second % 5 === 0)
      for (const [id, state] of Object.entries(await gateway('states')))
        if (state === 'failed') {
          resets++;
          await gateway('reset', id);
        }
  }
}

async function phase() {
  const until = Date.now() + phaseMs;
  const stop = () => Date.now() >= until;
  const agents = [
    ...['l1', 'l2', 'l3'].map((name) => [name, legacyAgent(world, token[name], stop)]),
    ...['m1', 'm2', 'm3'].map((name) => [name, modernAgent(world, token[name], stop)]),
    ...['s1', 's2'].map((name) => [name, slowAgent(world, token[name], stop)]),
    ...['n1', 'n2'].map((name) => [name, nastyAgent(world, token[name], stop)]),
    ['c1', crashAgent(world, token.c1, stop)],
    ...['r1', 'r2'].map((name) => [name, revokedAgent(world, name, stop)]),
    ['director', director(stop)],
  ];
  const late = new Set(agents.map(([name]) => name));
  const over = Promise.all(agents.map(([name, work]) => work.then(() => late.delete(name))));
  const patience = pause(phaseMs + 60_000, 'late', { ref: false });
  if ((await Promise.race([over, patience])) === 'late')
    throw new Error(`still at work: ${[...late].join(', ')}; ${tally.errors.join('; ')}`);
}

/** Everything at rest and every local server up, so that one measure can be held against the next. */
async function rest() {
  await gateway('apply', ++version);
  for (const { id, tools } of servers.entries) {
    if (tools.every(({ name }) => name !== 'echo')) continue;
    await gateway('reset', id);
    tally.calls++;
    const params = { name: `${id}__echo`, arguments: {} };
    const { answer } = await post(url, token.m1, { id: 'rest', method: 'tools/call', params });
    if (answer?.result?.isError !== undefined && answer.result.isError)
      tally.errors.push(`${id} is not there at rest: ${answer.result.content[0].text}`);
    else if (answer?.result) tally.ok++;
  }
  // Idle connections of Node's servers end after five seconds.
  await pause(8000);
  const measured = await gateway('measure');
  const { records } = await gateway('ledger');
  return { ...measured, records, calls: tally.calls, errors: tally.errors.length };
}

const mb = (bytes) => (bytes / 1_048_576).toFixed(1);
const measures = [];
for (let number = 1; number <= phases; number++) {
  await phase();
  const now = await rest();
  measures.push(now);
  for (const error of tally.errors.slice(measures.length === 1 ? 0 : measures.at(-2).errors)) console.log(`  ! ${error}`);
  console.log(
    `${number}/${phases}  calls ${now.calls}  records ${now.records}  heap ${mb(now.heap)} MB  external ${mb(now.external)} MB  rss ${mb(now.rss)} MB  handles ${now.handles}  processes ${now.processes}  errors ${tally.errors.length}`,
  );
}

const problems = [...new Set(tally.errors)].slice(0, 20);
// The first phase fills caches and compiles code.
const [first, last] = [measures[0], measures.at(-1)];
if (last.heap + last.external - first.heap - first.external > 6 * 1_048_576)
  problems.push(`memory grew from ${mb(first.heap + first.external)} to ${mb(last.heap + last.external)} MB`);
if (last.rss > first.rss * 1.3 + 32 * 1_048_576) problems.push(`the process grew from ${mb(first.rss)} to ${mb(last.rss)} MB`);
if (last.handles > first.handles + 5) problems.push(`handles grew from ${first.handles} to ${last.handles}`);
if (last.processes > first.processes) problems.push(`processes grew from ${first.processes} to ${last.processes}`);
const ledger = await gateway('ledger');
if (!ledger.ok) problems.push(`the ledger does not verify: ${ledger.problem?.message}`);
if (ledger.records !== tally.calls) problems.push(`the ledger has ${ledger.records} records of ${tally.calls} calls`);
if (tally.heard === 0) problems.push('no agent heard of a change of its list');
problems.push(...(await gateway('defects')));
const left = await gateway('close');
if (left > 1) problems.push(`${left} processes are left after closing`);
child.disconnect();
await servers.close();

console.log(
  `${tally.calls} calls: ${tally.ok} answered, ${tally.injected} failed as injected, ${tally.gone} to a server that was taken away, ${tally.left} left or revoked in the middle; ${version} bundles, ${restarts} restarts, ${resets} reconnects, ${tally.heard} changes heard; the ledger ${ledger.ok ? 'verifies' : 'does not verify'}`,
);
for (const problem of problems) console.log(`- ${problem}`);
console.log(problems.length === 0 ? 'soak passed' : `soak failed: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
