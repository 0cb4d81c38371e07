// Agents of both eras and of several habits. Each runs until `stop()` says so, counts what it called, and keeps what should not have happened.
import { setTimeout as pause } from 'node:timers/promises';
import { end, listen, post } from './client.mjs';
import { nasty, seldom } from './upstreams.mjs';

const pick = (list) => list[Math.floor(Math.random() * list.length)];
const between = (low, high) => low + Math.floor(Math.random() * (high - low));

export function openTally() {
  return { calls: 0, ok: 0, injected: 0, gone: 0, left: 0, heard: 0, errors: [] };
}

/** How a call may end: `ok` it must succeed, `fails` it must not, `may` it shares its server with what is meant to fail. */
const kinds = {
  ok: ['ok'],
  fails: ['injected'],
  may: ['ok', 'injected'],
  comes: ['ok', 'injected', 'gone'],
};

function ended(answer) {
  if (answer?.error?.code === -32602) return 'gone';
  if (answer?.error || !answer?.result) return `an error: ${JSON.stringify(answer?.error ?? answer)}`;
  return answer.result.isError ? 'injected' : 'ok';
}

/** One agent's way to make calls, in a session or without. */
function caller(world, token, session, habits = {}) {
  let id = 0;
  return async (tool, args, kind, { expect, progress = false, leaveAfter } = {}) => {
    const { tally, url } = world;
    const params = { name: tool, arguments: args, ...(progress ? { _meta: { progressToken: 'p' } } : {}) };
    let seen = 0;
    const onMessage = (message, leave) => {
      if (message.method === 'notifications/progress' && ++seen === leaveAfter) leave();
    };
    tally.calls++;
    try {
      const { status, answer } = await post(url, token, { id: ++id, method: 'tools/call', params }, { session, onMessage, ...habits });
      const how = status === 200 ? ended(answer) : `HTTP ${status}`;
      if (how in tally) tally[how]++;
      if (!kinds[kind].includes(how)) throw new Error(`${how}${how === 'injected' ? `: ${answer.result.content[0].text}` : ''}`);
      if (how === 'ok' && expect && !expect(answer.result.content[0].text, seen)) throw new Error('a wrong answer');
    } catch (error) {
      if (leaveAfter && error.message === 'left') tally.left++;
      else tally.errors.push(`${tool} ${JSON.stringify(args)} (${session ? 'legacy' : 'modern'}): ${error.message}`);
    }
  };
}

const echoes = (args) => (text) => text.includes(JSON.stringify(args).slice(1, -1));

async function ordinary(call) {
  const args = { n: Math.random(), text: 'grüß 😀 '.repeat(between(0, 50)) };
  const roll = Math.random();
  if (roll < 0.45) return await call(`${pick(['one', 'two'])}__echo`, args, 'ok', { expect: echoes(args) });
  if (roll < 0.65) return await call(`${pick(['pipe', 'pipe-modern'])}__echo`, args, 'ok', { expect: echoes(args) });
  if (roll < 0.75) {
    const steps = between(1, 20);
    const whole = (text, seen) => text === 'done' && seen === steps;
    return await call(`${pick(['one', 'two'])}__progress`, { steps }, 'ok', { progress: true, expect: whole });
  }
  if (roll < 0.8) return await call(`${pick(['one', 'two'])}__progress`, { steps: 3, restMs: 50 }, 'ok', { progress: true, leaveAfter: 2 });
  if (roll < 0.85) return await call(`${pick(['pipe', 'pipe-modern'])}__rubbish`, {}, 'ok', { expect: (text) => text === 'well' });
  if (roll < 0.9)
    return await call(`${pick(['one', 'two'])}__big`, { size: 200_000 }, 'ok', { expect: ({ length }) => length === 200_000 });
  if (roll < 0.95) return await call('some__echo', args, 'comes');
  return await call('shaky__echo', args, 'may');
}

export async function legacyAgent(world, token, stop, restMs = 25) {
  for (const { tally, url } = world; !stop(); ) {
    const { session } = await post(url, token, {
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'soak', version: '1' } },
    });
    await post(url, token, { method: 'notifications/initialized' }, { session });
    const onMessage = ({ method }) => method === 'notifications/tools/list_changed' && tally.heard++;
    const stream = listen(url, token, { session, onMessage });
    const call = caller(world, token, session);
    for (let count = between(20, 200); count > 0 && !stop(); count--) {
      await ordinary(call);
      await pause(between(0, 2 * restMs));
    }
    stream.close();
    await end(url, token, session);
  }
}

export async function modernAgent(world, token, stop, restMs = 25) {
  for (const { tally, url } = world; !stop(); ) {
    const stream = listen(url, token, {
      onMessage: ({ method }) => method === 'notifications/tools/list_changed' && tally.heard++,
    });
    const call = caller(world, token, undefined);
    for (let count = between(20, 200); count > 0 && !stop(); count--) {
      await ordinary(call);
      await pause(between(0, 2 * restMs));
    }
    stream.close();
    await stream.over;
  }
}

/** Reads a little at a time, so that what is on its way has to wait somewhere. */
export async function slowAgent(world, token, stop) {
  const call = caller(world, token, undefined, { slowly: true });
  while (!stop()) {
    const size = 2_000_000;
    await call(`${pick(['one', 'two'])}__big`, { size }, 'ok', { expect: ({ length }) => length === size });
    const steps = 5000;
    await call(`${pick(['one', 'two'])}__progress`, { steps }, 'ok', { progress: true, expect: (_text, seen) => seen === steps });
    await pause(500);
  }
}

/** Calls what hangs, breaks and lies; the servers it shares with nobody else. */
export async function nastyAgent(world, token, stop) {
  const call = caller(world, token, undefined);
  for (let round = 1; !stop(); round++) {
    const server = pick(['wild', 'wilder']);
    if (round % 60 === 0) await call(`${server}__${pick(seldom)}`, {}, 'fails');
    else if (round % 2 === 0) await call(`${server}__${pick(nasty)}`, {}, 'fails');
    else await call(`${server}__echo`, { round }, 'may');
    await pause(between(100, 300));
  }
}

/** A process that ends, hangs and floods, seldom enough that it is started again each time. */
export async function crashAgent(world, token, stop) {
  const call = caller(world, token, undefined);
  for (let next = Date.now() + 5000; !stop(); ) {
    if (Date.now() < next) await call('crasher__echo', { a: 1 }, 'may');
    else {
      next = Date.now() + between(12_000, 16_000);
      await call(`crasher__${pick(['crash', 'crash', 'hang', 'flood', 'endless'])}`, { why: 'soak' }, 'fails');
    }
    await pause(between(100, 300));
  }
}

/** Comes, works, and is revoked in the middle of a call: after that it is nobody. */
export async function revokedAgent(world, name, stop) {
  const { tally, url, gateway } = world;
  while (!stop()) {
    const token = await gateway('add', name);
    const modern = Math.random() < 0.5;
    const opening = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'soak', version: '1' } };
    const session = modern ? undefined : (await post(url, token, { id: 0, method: 'initialize', params: opening })).session;
    const call = caller(world, token, session);
    for (let count = 0; count < 5; count++) await ordinary(call);
    tally.calls++;
    const revoked = Promise.withResolvers();
    const params = { name: 'one__progress', arguments: { steps: 2, restMs: 100 }, _meta: { progressToken: 'p' } };
    const last = post(
      url,
      token,
      { id: 'last', method: 'tools/call', params },
      {
        session,
        onMessage: () => revoked.resolve(gateway('revoke', name)),
      },
    ).catch(() => {});
    await Promise.race([last, revoked.promise]);
    await revoked.promise;
    await last;
    tally.left++;
    const { status } = await post(url, token, { id: 1, method: 'tools/call', params }, { session });
    if (status !== 401) tally.errors.push(`a revoked agent got HTTP ${status}`);
    await pause(between(500, 1500));
  }
}
