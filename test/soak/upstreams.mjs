// The servers behind the gateway under soak. "calm" ones never fail; what fails on the others was meant to.
import { fileURLToPath } from 'node:url';
import { behaviours } from '../support/upstreams/nasty.ts';
import { event, json, legacy, result, sse, startRaw } from '../support/upstreams/raw.ts';

const program = fileURLToPath(new URL('../support/upstreams/stdio-server.ts', import.meta.url));
// Expensive ones come seldom: they are what fills memory for a moment.
export const seldom = ['flood', 'endless-line'];
const harmless = ['huge', 'huge-event'];
export const nasty = Object.keys(behaviours).filter((name) => !seldom.includes(name) && !harmless.includes(name));

const calm = {
  echo: (message, response) => json(response, result(message.id, JSON.stringify(message.params.arguments))),
  big: (message, response) => json(response, result(message.id, 'x'.repeat(message.params.arguments.size))),
  progress(message, response) {
    sse(response);
    const { progressToken } = message.params._meta ?? {};
    for (let progress = 1; progress <= message.params.arguments.steps; progress++)
      response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress } }));
    setTimeout(() => response.end(event(result(message.id, 'done'))), message.params.arguments.restMs ?? 0);
  },
};

const answer = (message, response) => {
  if (message?.method !== 'tools/call') return false;
  const { name } = message.params;
  (calm[name] ?? behaviours[name])(message, response);
};
const modern = (message, response) => {
  if (message?.method === 'server/discover')
    return json(response, { jsonrpc: '2.0', id: message.id, result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } } });
  if (answer(message, response) === false)
    json(response, { jsonrpc: '2.0', id: message?.id ?? null, error: { code: -32601, message: 'no' } }, {}, 404);
};

const tools = (...names) => names.map((name) => ({ name, inputSchema: { type: 'object' } }));

/** Entries for the bundle, and how to end, or end and begin again, what is behind them. */
export async function openUpstreamServers() {
  const ends = [];
  const t = { after: (end) => ends.push(end) };
  const raws = [];
  const start = async (handle, port) => {
    const raw = await startRaw(t, handle, port);
    raws.push(raw);
    return raw;
  };
  const [one, two, wild, wilder, some] = await Promise.all([
    start(legacy(answer)),
    start(modern),
    start(legacy(answer)),
    start(modern),
    start(legacy(answer)),
  ]);
  let shaky = await start(legacy(answer));
  const { url } = shaky;
  // What it was sent is for tests to look into; here it would only grow.
  const forget = setInterval(() => {
    for (const raw of raws) raw.got.length = 0;
  }, 500);
  const launch = (MODE) => ({ command: 'node', args: [program], env: { MODE } });
  const http = tools(...Object.keys(calm));
  const awful = tools('echo', ...nasty, ...seldom);
  return {
    entries: [
      { id: 'one', url: one.url, tools: http },
      { id: 'two', url: two.url, tools: http },
      { id: 'pipe', launch: launch('legacy'), tools: tools('echo', 'progress', 'rubbish', 'huge') },
      { id: 'pipe-modern', launch: launch('modern'), tools: tools('echo', 'progress', 'rubbish', 'huge') },
      { id: 'some', url: some.url, tools: http },
      { id: 'wild', url: wild.url, timeoutMs: 1000, tools: awful },
      { id: 'wilder', url: wilder.url, timeoutMs: 1000, tools: awful },
      { id: 'shaky', url, tools: http },
      { id: 'crasher', launch: launch('legacy'), timeoutMs: 1000, tools: tools('echo', 'crash', 'hang', 'flood', 'endless') },
    ],
    async restart() {
      const port = Number(new URL(url).port);
      await shaky.close();
      await new Promise((resolve) => setTimeout(resolve, 300));
      raws.splice(raws.indexOf(shaky), 1);
      shaky = await start(legacy(answer), port);
    },
    async close() {
      clearInterval(forget);
      for (const end of ends) await end();
    },
  };
}
