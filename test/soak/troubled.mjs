// Agents that call what hangs, breaks and lies, and agents that are thrown out in the middle.
import { setTimeout as pause } from 'node:timers/promises';
import { between, caller, pick, work } from './agents.mjs';
import { begin, post } from './client.mjs';
import { nasty, seldom } from './upstreams.mjs';

/** Several calls at once, so that what is said to one could reach another. The servers it shares with its like only. */
export async function nastyAgent(world, agent, stop) {
  const call = caller(world, agent);
  for (let round = 1; !stop(); round++) {
    const server = pick(['wild', 'wilder']);
    const bad = call(`${server}__${pick(round % 30 === 0 ? seldom : nasty)}`, { n: Math.random() });
    await Promise.all([bad, call(`${server}__echo`, { n: Math.random() }), call(`${server}__echo`, { n: Math.random() })]);
    await pause(between(100, 300));
  }
}

// Five ends within a minute are taken for a server that cannot be helped; this one is to come back by itself each time.
const crashEveryMs = 16_000;

/** A process that ends, hangs and floods, with a child of its own. */
export async function crashAgent(world, agent, stop) {
  const call = caller(world, agent);
  world.nextCrash ??= Date.now() + Math.min(5000, world.phaseMs / 3);
  while (!stop()) {
    if (Date.now() < world.nextCrash) await call('crasher__echo', { n: Math.random() });
    else {
      world.nextCrash = Date.now() + crashEveryMs;
      await call(`crasher__${pick(['crash', 'crash', 'hang', 'flood', 'endless'])}`, { why: 'soak' });
    }
    await pause(between(100, 300));
  }
}

/** Comes, works, and is revoked in the middle of a call: after that it is nobody. */
export async function revokedAgent(world, { name }, stop) {
  const { tally, url, gateway } = world;
  while (!stop()) {
    const token = await gateway('add', name);
    const session = Math.random() < 0.5 ? undefined : await begin(url, token);
    await work(caller(world, { name, token }, { session }), stop, 25, 5);
    const revoked = Promise.withResolvers();
    const params = { name: 'one__progress', arguments: { steps: 2, restMs: 100 }, _meta: { progressToken: 'p' } };
    const onMessage = () => revoked.resolve(gateway('revoke', name));
    const last = post(url, token, { id: 'last', method: 'tools/call', params }, { session, onMessage }).catch(() => {});
    await Promise.race([last, revoked.promise]);
    await revoked.promise;
    await last;
    tally.add(name, params.name, 'left');
    const { status } = await post(url, token, { id: 'after', method: 'tools/call', params }, { session });
    if (status !== 401) tally.errors.push(`a revoked agent got HTTP ${status}`);
    await pause(between(500, 1500));
  }
}
