// Prints how many bytes a call of the given era leaves to the old generation: node --expose-gc left-behind.ts ERA
import http from 'node:http';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { entry, makeBundle, openTestGateway } from './gateway.ts';
import { openRpcServer } from './rpc-server.ts';

const era = process.argv[2] as 'legacy' | 'modern';
const collect = globalThis.gc as unknown as (options?: { type: 'minor' }) => void;

const prefix = 'io.modelcontextprotocol/';
const meta = {
  [`${prefix}protocolVersion`]: '2026-07-28',
  [`${prefix}clientInfo`]: { name: 'raw', version: '1' },
  [`${prefix}clientCapabilities`]: {},
};
const sessions = 8;
const rounds = 20;
const windows = 9;

const server = await openRpcServer({ 'tools/call': () => ({ content: [{ type: 'text', text: 'done' }] }) });
const house = await openTestGateway(makeBundle({ servers: [entry({ id: 's', url: server.url, tools: [{ name: 'do' }] })] }));
const agent = new http.Agent({ keepAlive: true, maxSockets: sessions });
const post = (body: object, more: Record<string, string> = {}) =>
  new Promise<http.IncomingMessage>((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${house.token}`,
      ...more,
    };
    const request = http.request(house.url, { method: 'POST', agent, headers }, (response) => {
      response.resume().on('end', () => resolve(response));
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
const begin = async () => {
  if (era === 'modern') return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 's__do' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } };
  const { headers } = await post({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  return { 'mcp-session-id': String(headers['mcp-session-id']), 'mcp-protocol-version': '2025-06-18' };
};
const agents = await Promise.all(Array.from({ length: sessions }, begin));
let id = 0;
const call = async (headers: Record<string, string>) => {
  const params = { name: 's__do', arguments: {}, ...(era === 'modern' ? { _meta: meta } : {}) };
  const { statusCode } = await post({ jsonrpc: '2.0', id: ++id, method: 'tools/call', params }, headers);
  if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`);
};
const round = async () => {
  // Each agent at its own pace, so that some call is always under way while young objects are collected.
  await Promise.all(
    agents.map(async (headers, at) => {
      for (let n = 0; n < 4; n++) {
        await call(headers);
        if (at === 0 && n === 2) collect({ type: 'minor' });
      }
    }),
  );
};
for (let n = 0; n < 10; n++) await round();
collect();
let major = 0;
new PerformanceObserver((list) => {
  for (const seen of list.getEntries())
    if ((seen as unknown as { detail: { kind: number } }).detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) major++;
}).observe({ entryTypes: ['gc'] });
const inUse = async () => {
  await house.ledger.flush();
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  // The observer hears of a collection a turn later.
  await pause(10);
  return process.memoryUsage().heapUsed;
};
const figures: number[] = [];
for (let before = await inUse(); figures.length < windows; ) {
  const seen = major;
  for (let n = 0; n < rounds; n++) await round();
  const after = await inUse();
  // Where Node itself collected the old generation, what had piled up is gone.
  if (major === seen) figures.push((after - before) / (rounds * sessions * 4));
  before = after;
}
process.stdout.write(String(Math.round(figures.toSorted((a, b) => a - b)[windows >> 1]!)));
process.exit(0);
