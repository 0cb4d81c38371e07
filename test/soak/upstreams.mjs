// The servers behind the gateway under soak. "calm" ones never fail; what fails on the others was meant to (trouble.mjs).
import { fileURLToPath } from 'node:url';
import { behaviours } from '../support/upstreams/nasty.ts';
import { json, legacy as legacyServer, startRaw } from '../support/upstreams/raw.ts';
import { tools as calm, legacyTools, modernTools, subscribe, takeAnswer } from './calm.mjs';

const program = fileURLToPath(new URL('../support/upstreams/stdio-server.ts', import.meta.url));
// Expensive ones come seldom: they are what fills memory for a moment.
export const seldom = ['flood', 'endless-line'];
const harmless = ['huge', 'huge-event'];
export const nasty = Object.keys(behaviours).filter((name) => !seldom.includes(name) && !harmless.includes(name));

function legacy() {
  const answer = (message, ...rest) => {
    if (message?.method !== 'tools/call') return false;
    const { name } = message.params;
    return void (legacyTools[name] ?? behaviours[name])(message, ...rest);
  };
  const serve = legacyServer(answer, { stream: true });
  return (message, response, request, raw) => takeAnswer(message, response) || serve(message, response, request, raw);
}

function modern(message, response) {
  const { id, method, params } = message;
  if (method === 'server/discover')
    return json(response, {
      jsonrpc: '2.0',
      id,
      result: { supportedVersions: ['2026-07-28'], capabilities: { tools: {}, resources: { subscribe: true } } },
    });
  if (method === 'subscriptions/listen') return subscribe(message, response);
  if (method === 'tools/call') return (modernTools[params.name] ?? behaviours[params.name])(message, response);
  json(response, { jsonrpc: '2.0', id: id ?? null, error: { code: -32601, message: 'no' } }, {}, 404);
}

const tools = (...names) => names.map((name) => ({ name, inputSchema: { type: 'object' } }));
const telling = (id) => ({
  catalogue: {
    tools: tools('echo', 'tell'),
    resources: [{ uri: `tell://${id}`, name: id }],
    capabilities: { tools: {}, resources: { subscribe: true } },
  },
});

/** Entries for the bundle, and how to end, or end and begin again, what is behind them. */
export async function openUpstreamServers() {
  const ends = [];
  const raws = [];
  const start = async (handle, port) => {
    const raw = await startRaw({ after: (end) => ends.push(end) }, handle, port);
    raws.push(raw);
    return raw;
  };
  const http = async (id, handle, more) => ({ id, url: (await start(handle)).url, ...more });
  let shaky = await start(legacy());
  const { url } = shaky;
  // What it was sent is for tests to look into; here it would only grow.
  const forget = setInterval(() => {
    for (const raw of raws) raw.got.length = 0;
  }, 500);
  const launch = (MODE, more) => ({ command: 'node', args: [program], env: { MODE, ...more } });
  const awful = { timeoutMs: 3000, tools: tools('echo', ...nasty, ...seldom) };
  const ofPipe = tools('echo', 'rubbish');
  return {
    entries: [
      await http('one', legacy(), { tools: tools(...Object.keys(calm)) }),
      await http('two', modern, { tools: tools(...Object.keys(calm)) }),
      { id: 'pipe', launch: launch('legacy'), tools: ofPipe },
      { id: 'pipe-modern', launch: launch('modern'), tools: ofPipe },
      await http('asker', legacy(), { tools: tools('echo', 'ask') }),
      await http('asker-modern', modern, { tools: tools('echo', 'ask') }),
      await http('teller', legacy(), telling('teller')),
      await http('teller-modern', modern, telling('teller-modern')),
      await http('some', legacy(), { tools: tools('echo') }),
      await http('wild', legacy(), awful),
      await http('wilder', modern, awful),
      { id: 'shaky', url, tools: tools('echo') },
      // Its child shows whether what a process started ends with it.
      {
        id: 'crasher',
        launch: launch('legacy', { GRANDCHILD: '1' }),
        timeoutMs: 3000,
        tools: tools('echo', 'crash', 'hang', 'flood', 'endless'),
      },
    ],
    async restart() {
      const port = Number(new URL(url).port);
      await shaky.close();
      await new Promise((resolve) => setTimeout(resolve, 300));
      raws.splice(raws.indexOf(shaky), 1);
      shaky = await start(legacy(), port);
    },
    async close() {
      clearInterval(forget);
      for (const end of ends) await end();
    },
  };
}
