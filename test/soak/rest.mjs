// Between two phases: everything at rest, so that one measure can be held against the next, and every server well again by itself.
import { setTimeout as pause } from 'node:timers/promises';
import { caller } from './agents.mjs';

/** One call, as soon as the circuit lets it through, and it must be answered: nobody reconnects anything. */
async function recover(world, id) {
  const { tally, gateway } = world;
  const { state, retryAt = 0, error } = await gateway('status', id);
  if (state === 'failed') return void tally.errors.push(`${id} does not come back by itself: ${error}`);
  if (state === 'backing-off') await pause(Math.max(0, Math.min(retryAt - Date.now(), 60_000)) + 50);
  const before = tally.errors.length;
  if (!(await caller(world, world.agents.m1)(`${id}__echo`, { n: Math.random() })) && tally.errors.length === before)
    tally.errors.push(`${id} has not recovered: ${state}, ${error ?? ''} ${JSON.stringify(await gateway('status', id))}`);
}

export async function rest(world) {
  const { tally, gateway, servers, processes } = world;
  await gateway('apply', ++world.version);
  await Promise.all(servers.entries.map(({ id }) => recover(world, id)));
  // Idle connections of Node's servers end after five seconds.
  await pause(8000);
  const { rows, records, ok, problem } = await gateway('ledger');
  if (!ok) tally.errors.push(`the ledger does not verify: ${problem?.message}`);
  tally.errors.push(...tally.compare(rows), ...(await gateway('defects')));
  return { ...(await gateway('measure')), processes: await processes(), records, calls: tally.calls() };
}

const mb = (bytes) => (bytes / 1_048_576).toFixed(1);

export const lineOf = ({ calls, records, heap, external, rss, handles, processes }) =>
  `calls ${calls}  records ${records}  heap ${mb(heap)} MB  external ${mb(external)} MB  rss ${mb(rss)} MB  handles ${handles}  processes ${processes}`;

/** The first two phases fill caches and compile code; what is more after the last one has grown. */
export function grown(measures) {
  const problems = [];
  const [first, last] = [measures[1], measures.at(-1)];
  if (last.heap + last.external - first.heap - first.external > 6 * 1_048_576)
    problems.push(`memory grew from ${mb(first.heap + first.external)} to ${mb(last.heap + last.external)} MB`);
  if (last.rss > first.rss * 1.3 + 32 * 1_048_576) problems.push(`the process grew from ${mb(first.rss)} to ${mb(last.rss)} MB`);
  if (last.handles > first.handles + 5) problems.push(`handles grew from ${first.handles} to ${last.handles}`);
  for (const [index, { processes }] of measures.entries())
    if (processes !== first.processes)
      problems.push(`${processes} processes after phase ${index + 1}, ${first.processes} after the second`);
  return problems;
}
