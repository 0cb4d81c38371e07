// Agents of both eras that work and whose calls are answered. Each runs until `stop()` says so, counts what it called, and keeps what should not
// have happened.
import { setTimeout as pause } from 'node:timers/promises';
import { begin, end, listen, post } from './client.mjs';
import { isPermitted, outcomeOf } from './trouble.mjs';

export const pick = (list) => list[Math.floor(Math.random() * list.length)];
export const between = (low, high) => low + Math.floor(Math.random() * (high - low));

let lastId = 0;

/** Answers name what they were asked for, so that one that was made for another call is none. Processes repeat all that they were sent. */
const echoes = (args) => (text) => {
  if (!text.startsWith('{')) return false;
  const said = JSON.parse(text);
  return JSON.stringify(said.arguments ?? said) === JSON.stringify(args);
};

/**
 * One agent's way to make calls, in a session or without. What comes back is the result, where it is what was expected. `onAsked` answers the
 * server's questions, in whichever way the era puts them.
 */
export function caller({ tally, url }, { name: agent, token }, { session, capabilities, slowly } = {}) {
  return async function call(name, args, { expect = echoes(args), progress = 0, leaveAfter, onAsked, more } = {}) {
    const [server, tool] = name.split('__');
    const id = `${agent}-${++lastId}`;
    const params = { name, arguments: args, ...more, ...(progress > 0 ? { _meta: { progressToken: id } } : {}) };
    const wrong = (problem) => void tally.errors.push(`${name} ${JSON.stringify(args).slice(0, 60)} (${agent}): ${problem}`);
    let seen = 0;
    const onMessage = (message, leave) => {
      if (message.id !== undefined && onAsked) {
        const answer = { id: message.id, result: onAsked(message.params) };
        post(url, token, answer, { session }).catch((error) => wrong(`its answer did not arrive: ${error.message}`));
      } else if (message.method === 'notifications/progress') {
        if (message.params.progressToken !== id || message.params.progress !== ++seen)
          wrong(`not its progress: ${JSON.stringify(message)}`);
        if (seen === leaveAfter) leave();
      }
    };
    let reached;
    try {
      reached = await post(url, token, { id, method: 'tools/call', params }, { session, capabilities, slowly, onMessage });
    } catch (error) {
      tally.add(agent, name, 'left');
      return leaveAfter && error.message === 'left' ? undefined : wrong(error.message);
    }
    const { status, answer } = reached;
    const outcome = status === 200 ? outcomeOf(name, answer) : `HTTP ${status}`;
    tally.add(agent, name, outcome);
    if (!isPermitted(server, tool, outcome)) return wrong(outcome);
    if (outcome !== 'ok') return undefined;
    const { result } = answer;
    if (result.resultType === 'input_required' && onAsked) {
      const asked = Object.entries(result.inputRequests).map(([key, question]) => [key, onAsked(question.params)]);
      const back = { inputResponses: Object.fromEntries(asked), requestState: result.requestState };
      return await call(name, args, { expect, onAsked, more: back });
    }
    if (seen !== progress) return wrong(`${seen} of ${progress} messages of progress`);
    const text = result.content?.[0]?.text;
    return typeof text === 'string' && expect(text) ? result : wrong(`a wrong answer: ${JSON.stringify(result).slice(0, 200)}`);
  };
}

const calm = ['one', 'two'];
const pipes = ['pipe', 'pipe-modern'];

async function ordinary(call) {
  const args = { n: Math.random(), text: 'grüß 😀 '.repeat(between(0, 50)) };
  const roll = Math.random();
  if (roll < 0.45) return await call(`${pick(calm)}__echo`, args);
  if (roll < 0.65) return await call(`${pick(pipes)}__echo`, args);
  if (roll < 0.75) return await progress(call, between(1, 20));
  if (roll < 0.8) return await call(`${pick(calm)}__progress`, { n: args.n, steps: 3, restMs: 50 }, { progress: 3, leaveAfter: 2 });
  if (roll < 0.85) return await call(`${pick(pipes)}__rubbish`, {}, { expect: (text) => text === 'well' });
  if (roll < 0.9) return await big(call, 200_000);
  if (roll < 0.95) return await call('some__echo', args);
  return await call('shaky__echo', args);
}

const progress = (call, steps, n = Math.random()) =>
  call(`${pick(calm)}__progress`, { n, steps }, { progress: steps, expect: (text) => text === `done ${n}` });
const big = (call, size, n = Math.random()) =>
  call(`${pick(calm)}__big`, { n, size }, { expect: (text) => text === String(n).padEnd(size, 'x') });

/** Now and then a while of calls, as one conversation has them. */
export async function work(call, stop, restMs = 25, calls = between(20, 200)) {
  for (let count = calls; count > 0 && !stop(); count--) {
    await ordinary(call);
    await pause(between(0, 2 * restMs));
  }
}

const hearing = (tally) => (message) => void (message.method === 'notifications/tools/list_changed' && tally.heard.lists++);

export async function legacyAgent(world, agent, stop) {
  for (const { tally, url } = world; !stop(); ) {
    const session = await begin(url, agent.token);
    const stream = listen(url, agent.token, { session, onMessage: hearing(tally) });
    await work(caller(world, agent, { session }), stop);
    stream.close();
    await end(url, agent.token, session);
  }
}

export async function modernAgent(world, agent, stop) {
  for (const { tally, url } = world; !stop(); ) {
    const stream = listen(url, agent.token, { onMessage: hearing(tally) });
    await work(caller(world, agent), stop);
    stream.close();
    await stream.over;
  }
}

/** Reads a little at a time, so that what is on its way has to wait somewhere. */
export async function slowAgent(world, agent, stop) {
  const call = caller(world, agent, { slowly: true });
  while (!stop()) {
    await big(call, 2_000_000);
    await progress(call, 5000);
    await pause(500);
  }
}
