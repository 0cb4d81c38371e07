// npm run soak -- --minutes 20: agents of both eras against servers that crash, hang and lie, while rules change, agents come and go, and the
// gateway starts anew. Passes where nothing failed but what was injected and in the way that it may, nothing grew, no process is left, and the
// ledger verifies and has, tool by tool and outcome by outcome, exactly the calls that the agents made.
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { legacyAgent, modernAgent, slowAgent } from './agents.mjs';
import { openChild } from './child.mjs';
import { grown, lineOf, rest } from './rest.mjs';
import { askedAgent, keptSubscriber, modernSubscriber, resumer } from './talkers.mjs';
import { openTally } from './tally.mjs';
import { crashAgent, nastyAgent, revokedAgent } from './troubled.mjs';
import { openUpstreamServers } from './upstreams.mjs';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '20' } } });
const phases = 6;
const phaseMs = (Number(values.minutes) * 60_000) / phases;
if (!(phaseMs >= 5000)) throw new Error('--minutes wants at least 0.5');

const kinds = {
  l1: legacyAgent,
  l2: legacyAgent,
  l3: legacyAgent,
  m1: modernAgent,
  m2: modernAgent,
  m3: modernAgent,
  s1: slowAgent,
  s2: slowAgent,
  n1: nastyAgent,
  n2: nastyAgent,
  c1: crashAgent,
  a1: askedAgent,
  a2: askedAgent,
  a3: askedAgent,
  a4: askedAgent,
  u1: modernSubscriber,
  u2: keptSubscriber,
  u3: keptSubscriber,
  b1: resumer,
  r1: revokedAgent,
  r2: revokedAgent,
};

const servers = await openUpstreamServers();
const { url, gateway, processes, close } = await openChild(servers.entries);
const tally = openTally();
const agents = {};
for (const [name, kind] of Object.entries(kinds))
  agents[name] = { name, token: kind === revokedAgent ? '' : await gateway('add', name), modern: name > 'a2' };
/** `owners`: upstream session -> the agent whose own it is. */
const world = { url, gateway, processes, tally, servers, agents, phaseMs, version: 1, owners: new Map() };
let restarts = 0;
let resets = 0;

/** What a company and its people do meanwhile: other rules, servers that restart, "reconnect" in the window. Each happens in each phase. */
async function director(stop) {
  const each = (ms, share) => Math.min(ms, phaseMs / share);
  const due = [
    { ms: each(7000, 4), act: (count) => gateway('apply', ++world.version, count % 2 === 1 ? 'some' : undefined) },
    { ms: each(20_000, 2.5), act: () => ++restarts && servers.restart() },
    { ms: each(9000, 3), act: () => ++resets && gateway('reset', 'shaky') },
  ].map((job) => ({ ...job, at: Date.now() + job.ms, count: 0 }));
  while (!stop()) {
    await pause(100);
    for (const job of due)
      if (Date.now() >= job.at) {
        job.at += job.ms;
        await job.act(++job.count);
      }
  }
}

async function phase() {
  const until = Date.now() + phaseMs;
  const stop = () => Date.now() >= until;
  const late = new Set();
  const run = (name, working) => {
    late.add(name);
    return working.catch((error) => tally.errors.push(`${name}: ${error.stack}`)).finally(() => late.delete(name));
  };
  const all = [run('director', director(stop)), ...Object.entries(kinds).map(([name, kind]) => run(name, kind(world, agents[name], stop)))];
  if ((await Promise.race([Promise.all(all), pause(phaseMs + 60_000, 'late', { ref: false })])) === 'late')
    throw new Error(`still at work: ${[...late].join(', ')}; ${tally.errors.join('; ')}`);
}

const measures = [];
for (let number = 1, told = 0; number <= phases; number++) {
  await phase();
  measures.push(await rest(world));
  for (const error of tally.errors.slice(told)) console.log(`  ! ${error}`);
  told = tally.errors.length;
  console.log(`${number}/${phases}  ${lineOf(measures.at(-1))}  errors ${told}`);
  if (number === phases / 2) await gateway('restart', ++world.version);
}

const problems = [...new Set(tally.errors)].slice(0, 20);
problems.push(...grown(measures));
const { lists, updates, questions, resumed, kept } = tally.heard;
for (const [name, count] of Object.entries(tally.heard)) if (count === 0) problems.push(`nobody got to what is counted as "${name}"`);
const { ok, records } = await gateway('ledger');
await gateway('close');
await close();
await servers.close();
// The watchdog gives what is left a second.
for (let patience = 30; patience > 0 && (await processes()) > 0; patience--) await pause(100);
const left = await processes();
if (left > 0) problems.push(`${left} processes are left after closing`);

const [calls, well, gone, without] = [tally.calls(), tally.count('ok'), tally.count('gone'), tally.count('left')];
console.log(
  `${calls} calls: ${well} answered, ${calls - well - gone - without} failed, ${gone} to a server that was taken away, ${without} left or revoked in the middle; ${questions} questions answered, ${updates} updates and ${lists} changed lists heard, ${resumed} answers resumed, ${kept} sessions kept; ${world.version} bundles, ${restarts} server restarts, ${resets} reconnects, 1 restart; the ledger ${ok ? 'verifies' : 'does not verify'} and has ${records} records`,
);
for (const problem of problems) console.log(`- ${problem}`);
console.log(problems.length === 0 ? 'soak passed' : `soak failed: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
