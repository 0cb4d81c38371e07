// The parts of the bench: each gives plain figures, none judges them.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ask } from '../../src/shell/control-client.ts';
import { remove, writeCompany } from './company.mjs';
import { idleSessions } from './idle.mjs';
import { cli, freePort, load, median, openHouse, output, pause, rss, start, stop } from './processes.mjs';

const keys = ['p50_ms', 'p95_ms', 'p99_ms', 'per_s', 'cpu_us_per_call', 'rss_mb'];
const medians = (rounds) => Object.fromEntries(keys.map((key) => [key, median(rounds.map((round) => round[key]))]));

/** The same work on each target, in turn, three rounds: what disturbs the machine disturbs all of them. */
async function inTurn(targets, work) {
  const rounds = {};
  for (let round = 0; round < 3; round++)
    for (const [name, { url, pid, tool, bearer }] of Object.entries(targets))
      (rounds[name] ??= []).push(await load(url, { pid, tool, bearer, ...work }));
  return Object.fromEntries(Object.entries(rounds).map(([name, all]) => [name, medians(all)]));
}

export async function measureCalls(rules, scale) {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const [echoPort, proxyPort, sdkPort] = [await freePort(), await freePort(), await freePort()];
  const echo = await start(['test/bench/echo-upstream.mjs', String(echoPort), '1000']);
  const proxy = await start(['test/bench/bare-proxy.mjs', String(proxyPort), String(echoPort)]);
  const sdk = await start(['--no-warnings', 'test/bench/sdk-gateway.mjs', String(sdkPort), String(echoPort)]);
  writeCompany(join(dir, 'company'), { port: echoPort, tools: 1000, rules });
  const { demo, url, data, tokens, pid } = await openHouse(dir, ['bench', 'idle-a', 'idle-b']);
  // First, while the process is fresh: after load, garbage collection would hide the memory that these two take.
  const idle = await idleSessions(url, pid, tokens.slice(1), 500);
  const slow = await slowReader({ url, pid, bearer: tokens[0] });
  const at = (port, child) => ({ url: `http://127.0.0.1:${port}/mcp`, pid: child.pid, tool: 'echo' });
  const proxied = { 'bare proxy': at(proxyPort, proxy.child), Gatehouse: { url, pid, tool: 'echo__echo', bearer: tokens[0] } };
  const all = { direct: at(echoPort, echo.child), ...proxied, 'SDK gateway': at(sdkPort, sdk.child) };
  const calls = {};
  for (const sessions of [1, 32])
    calls[sessions] = await inTurn(all, { sessions, calls: Math.round((sessions === 1 ? 3000 : 10_000) * scale), warm: 500 });
  const large = await inTurn(proxied, { sessions: 4, calls: Math.round(400 * scale), warm: 20, bytes: 1_000_000 });
  const streams = await inTurn(proxied, { sessions: 2, calls: Math.max(4, Math.round(20 * scale)), warm: 1, events: 10_000 });
  const list = await load(url, { list: true, sessions: 1, calls: Math.round(200 * scale), warm: 1, bearer: tokens[0] });
  const afterAll = rss(pid);
  const verified = await output([cli, 'ledger', 'verify', '--data', data, '--json']);
  for (const child of [demo, proxy.child, sdk.child, echo.child]) await stop(child);
  remove(dir);
  return { calls, large, streams, list, slow, idle, afterAll, verified };
}

/** 100,000 calls to a host that did nothing else: what it takes when it starts, after half of them and after all. */
export async function measureMemory(rules, scale) {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const port = await freePort();
  const echo = await start(['test/bench/echo-upstream.mjs', String(port), '100']);
  writeCompany(join(dir, 'company'), { port, tools: 100, rules });
  const { demo, url, tokens, pid } = await openHouse(dir, ['bench']);
  const memory = [rss(pid)];
  for (let part = 0; part < 2; part++) {
    await load(url, { tool: 'echo__echo', sessions: 8, calls: Math.round(50_000 * scale), bearer: tokens[0] });
    memory.push(rss(pid));
  }
  await stop(demo);
  await stop(echo.child);
  remove(dir);
  return memory;
}

/** 80 MB of events to an agent that reads nothing for three seconds: the most that Gatehouse's memory grew by. */
async function slowReader({ url, pid, bearer }) {
  const before = rss(pid);
  let over = false;
  let most = before;
  const reading = load(url, {
    tool: 'echo__echo',
    bearer,
    calls: 1,
    warm: 0,
    events: 10_000,
    'event-bytes': 8000,
    'pause-ms': 3000,
  }).finally(() => {
    over = true;
  });
  while (!over) {
    most = Math.max(most, rss(pid));
    await Promise.race([reading, pause(50)]);
  }
  await reading;
  return { before, most };
}

/** The same tool by a server that asks for no credential and by one that is called with a token of the person's, exchanged once: in turn, one process. */
export async function measureExchange(scale) {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const port = await freePort();
  const echo = await start(['test/bench/echo-upstream.mjs', String(port), '10']);
  writeCompany(join(dir, 'company'), { port, tools: 10, rules: 50, servers: 2, exchange: true });
  const { demo, url, tokens, pid } = await openHouse(dir);
  const cpu = { none: [], exchanged: [] };
  const tools = { none: 'echo__echo', exchanged: 'echo-1__echo' };
  for (let round = 0; round < 8; round++)
    for (const name of round % 2 ? ['exchanged', 'none'] : ['none', 'exchanged']) {
      const work = { tool: tools[name], sessions: 8, calls: Math.round(4000 * scale), warm: 200 };
      const { cpu_us_per_call } = await load(url, { ...work, bearer: tokens[0], pid });
      // The first round is for the compiler.
      if (round > 0) cpu[name].push(cpu_us_per_call);
    }
  await stop(demo);
  await stop(echo.child);
  remove(dir);
  return { none: median(cpu.none), exchanged: median(cpu.exchanged) };
}

/** As the window asks: each search from the question to the answer. The first one makes the index and decides on every tool. */
async function searches(data, count) {
  const times = [];
  for (let round = 0; round <= count; round++) {
    const text = ['echo 17', 'message variant 3', 'ehco mesage', 'echo'][round % 4];
    const began = performance.now();
    const { tools } = await ask(data, 'tools-search', { text });
    times.push(performance.now() - began);
    if (tools.length !== 20) throw new Error(`${text}: ${tools.length} tools`);
  }
  const [first, ...next] = times.map((time) => Math.round(time * 100) / 100);
  return { first, p50: median(next), worst: Math.max(...next) };
}

/** 2,000 tools over 50 servers under 5,000 rules: the first list of an agent, and the next ones. */
export async function measureWide(scale) {
  const dir = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'));
  const port = await freePort();
  const echo = await start(['test/bench/echo-upstream.mjs', String(port), '40']);
  writeCompany(join(dir, 'company'), { port, tools: 40, servers: 50, rules: 5000 });
  const names = ['cold-a', 'cold-b', 'cold-c'];
  const { demo, url, data, tokens, pid } = await openHouse(dir, names);
  // Each agent's first list is decided anew; the very first one also parses the rules.
  const cold = [];
  for (const bearer of tokens) cold.push((await load(url, { list: true, calls: 1, warm: 0, bearer })).p50_ms);
  const next = await load(url, { list: true, calls: Math.round(200 * scale), warm: 1, bearer: tokens[0] });
  const calls = await load(url, { tool: 'echo__echo', calls: Math.round(3000 * scale), warm: 300, bearer: tokens[0], pid });
  const search = await searches(data, Math.round(200 * scale));
  await stop(demo);
  await stop(echo.child);
  remove(dir);
  return { cold, next, calls, search };
}
