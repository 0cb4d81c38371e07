// No text of a stranger holds up another agent: while hostile texts go through each door, one agent does nothing but ping, and no ping takes long.
//
// This is the one place where a time is asserted, since a time is what is promised: 50 ms. What holds the gateway up for longer does so on every try, as
// the same text makes the same work; a busy machine does so now and then. So the longest ping of a calm time is added to the bound, a door that was too
// slow is tried twice more. Where the processors had next to no time left, which is another's doing, the clock says nothing of the gateway: then the
// processor's time counts that its thread used between two of its turns, twice as much of it, since it is worth less there. Whoever makes the texts yields
// the processor to what is measured.
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { cpus, setPriority } from 'node:os';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { legacySession, modernRequest, post, raw } from '../support/gateway.ts';
import type { Order } from '../support/hold/gateway.ts';
import type { Way } from '../support/hold/speech.ts';
import { composed, known, type Recipe, secrets, textOf } from '../support/hold/texts.ts';

const mostMs = 50;
const seed = 20261129;
const tries = 3;
/** Of the processors' time: with less of it, whoever wants one waits for it. */
const leastSpare = 0.15;

const support = (name: string) => new URL(`../support/hold/${name}.ts`, import.meta.url);
const children: ChildProcess[] = [];
const ended = new Map<ChildProcess, string>();
function run(name: string, args: string[] = [], env: Record<string, string> = {}): Promise<{ child: ChildProcess; first: unknown }> {
  const child = fork(support(name), args, { env: { ...process.env, ...env } });
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once('message', (first) => resolve({ child, first }));
    child.once('exit', (code) => {
      ended.set(child, `${name} ended with ${code}`);
      reject(new Error(ended.get(child)));
    });
  });
}
function ask(child: ChildProcess, question: object): Promise<unknown> {
  if (ended.has(child)) throw new Error(ended.get(child));
  const { promise, resolve, reject } = Promise.withResolvers();
  const over = (code: number | null) => reject(new Error(`it ended with ${code}`));
  child.once('message', (answer) => resolve(answer)).once('exit', over);
  child.send(question);
  return promise.finally(() => child.off('exit', over));
}

let gateway: ChildProcess;
let pinger: ChildProcess;
let url: string;
let token: string;
let calm: number;
let session: Awaited<ReturnType<typeof legacySession>>;
const tell = async (order: Order): Promise<unknown> => {
  const { answer, error } = (await ask(gateway, order)) as { answer?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return answer;
};
const pings = () => ask(pinger, {}) as Promise<number>;

const tools = [
  {
    name: 'say',
    inputSchema: {
      type: 'object',
      properties: {
        way: { type: 'string', pattern: '^(a+)+$|^[a-z ]+$' },
        path: { type: 'string', pattern: '^(([a-z./])+.)*$' },
        recipe: { type: 'array', uniqueItems: true },
      },
    },
  },
];
const catalogue = {
  tools,
  prompts: [{ name: 'draft', arguments: [] }],
  resources: [{ uri: 'x://secret', name: 'secret' }],
  resourceTemplates: ['x://{id}', 'x://a/{id}/b', 'file:///{a}/{b}/{c}'].map((uriTemplate) => ({ uriTemplate, name: uriTemplate })),
  capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {}, logging: {} },
};
const policies = `
@id("all") @reason("test") permit(principal, action, resource);
@id("secret") @reason("test") forbid(principal, action == Action::"read", resource == Resource::"pipe-legacy/x://secret");
@id("words") @reason("test") forbid(principal, action == Action::"call", resource) when { context.args has path && context.args.path like "*secret*word*" };
@id("places") @reason("test") forbid(principal, action == Action::"call", resource in Server::"json-legacy") when { context.folders.contains("/etc") };
@id("hosts") @reason("test") forbid(principal, action == Action::"call", resource in Server::"json-modern") when { context.hosts.contains("evil.example") };
`;
const servers: NonNullable<Order['servers']> = [];
const eras = ['legacy', 'modern'] as const;

before(async () => {
  gateway = (await run('gateway')).child;
  const launch = (era: string, more: Record<string, string> = {}) => ({
    command: process.execPath,
    args: [support('server').pathname],
    env: { ERA: era, ...secrets, ...more },
  });
  const remote: Record<string, string> = {};
  const opened: Record<string, { first: unknown }> = {};
  for (const era of eras) opened[era] = await run('server', ['http'], { ERA: era });
  for (const era of eras) {
    remote[era] = `http://127.0.0.1:${opened[era]!.first}`;
    servers.push({ id: `pipe-${era}`, launch: launch(era), roots: ['/srv'], catalogue });
    servers.push({ id: `json-${era}`, url: `${remote[era]}/json`, roots: ['/srv'], catalogue });
    servers.push({ id: `stream-${era}`, url: `${remote[era]}/stream`, roots: ['/srv'], catalogue });
  }
  const house = (await tell({ do: 'open', servers, policies })) as { url: string; hostile: string; pinging: string };
  ({ url, hostile: token } = house);
  pinger = (await run('pinger', [url, house.pinging])).child;
  setPriority(10);
  session = await legacySession(url, token, { elicitation: {} });
  await session.send('logging/setLevel', { level: 'debug' });
  for (const { id } of servers) assert.match((await say(session, id, 'text', [['here', 1]])).text, /here/, id);
  await pings();
  await pause(1500);
  calm = await pings();
});
after(async () => {
  pinger.disconnect();
  await tell({ do: 'close' });
  for (const child of children) child.kill();
});

const say = (to: Awaited<ReturnType<typeof legacySession>>, server: string, way: Way, recipe: Recipe) =>
  to.send('tools/call', { name: `${server}__say`, arguments: { way, recipe }, _meta: { progressToken: 'p' } });
const sayModern = (server: string, way: Way, recipe: Recipe) =>
  modernRequest(url, token, 'tools/call', { name: `${server}__say`, arguments: { way, recipe }, _meta: { progressToken: 'p' } });

interface Measured {
  ping: number;
  /** Of the processors' time, what was left over or went to those who yield it. */
  spare: number;
  stretch: number;
}

function processors(): { all: number; spare: number } {
  const times = cpus().map((cpu) => cpu.times);
  const sum = (of: (time: (typeof times)[number]) => number) => times.reduce((total, time) => total + of(time), 0);
  return { all: sum(({ user, nice, sys, idle, irq }) => user + nice + sys + idle + irq), spare: sum(({ nice, idle }) => nice + idle) };
}

/** Fails where pings took too long on each try, and tells the figures. */
async function staysResponsive(t: TestContext, name: string, work: () => Promise<unknown>): Promise<void> {
  const measured: Measured[] = [];
  const bad = ({ ping, spare, stretch }: Measured) => ping > mostMs + calm && (spare > leastSpare || stretch > 2 * mostMs);
  while (measured.length < tries && (measured.length === 0 || bad(measured.at(-1)!))) {
    await tell({ do: 'stretch' });
    await pings();
    const from = processors();
    await work();
    const ping = await pings();
    const to = processors();
    measured.push({ ping, spare: (to.spare - from.spare) / (to.all - from.all), stretch: (await tell({ do: 'stretch' })) as number });
  }
  const figures = measured.map(
    ({ ping, spare, stretch }) => `${ping.toFixed(1)} ms (${stretch.toFixed(1)} of its own, ${(spare * 100).toFixed()} % spare)`,
  );
  t.diagnostic(`${name}: ${figures.join('; ')}`);
  assert.ok(!bad(measured.at(-1)!), `${name}: the longest ping took ${figures.join('; ')}; ${calm.toFixed(1)} ms in calm; seed ${seed}`);
}

/** Answers are not the matter here: a refusal that comes before all was sent ends the sending. */
async function send(answer: Promise<{ status: number }>): Promise<void> {
  const { status } = await answer.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'ECONNRESET') return { status: 413 };
    throw error;
  });
  assert.ok(status < 500, `HTTP ${status}`);
}

const texts = (length: number) => [...known(length), ...composed(seed, 6, length)];
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };
/** The body is given as text, since not all of them are JSON. */
async function call(server: string, args: string): Promise<void> {
  const body = (more: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${server}__say","arguments":${args}${more}}}`;
  await send(post(url, token, body(''), session.headers));
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': `${server}__say` };
  await send(post(url, token, body(`,"_meta":${JSON.stringify(meta)}`), headers));
}

test('what agents say: methods, names, URIs, ids, capabilities', async (t) => {
  for (const length of [200_000, 8192, 256])
    await staysResponsive(t, `texts of ${length} characters`, async () => {
      for (const [, recipe] of texts(length)) {
        const text = textOf(recipe);
        const uri = { uri: `x://a/${text}`.slice(0, length) };
        const argument = { name: text, value: text };
        for (const [method, params] of [
          [text, {}],
          ['tools/call', { name: text }],
          ['prompts/get', { name: text }],
          ['resources/read', uri],
          ['resources/subscribe', uri],
          ['completion/complete', { ref: { type: 'ref/resource', ...uri }, argument }],
          ['completion/complete', { ref: { type: 'ref/prompt', name: text }, argument }],
          ['logging/setLevel', { level: text }],
          ['tools/list', { cursor: text }],
        ] as const) {
          await send(session.send(method, params));
          await send(modernRequest(url, token, method, params, { headers: { 'mcp-method': 'x', 'mcp-name': 'x' } }));
        }
        const about = { protocolVersion: text, capabilities: { [text]: {} }, clientInfo: { name: text, version: text } };
        for (const message of [
          { id: text, method: 'ping' },
          { method: 'notifications/cancelled', params: { requestId: text, reason: text } },
          { id: text, result: { [text]: text } },
          { id: 1, method: 'initialize', params: about },
        ])
          await send(
            post(url, token, { jsonrpc: '2.0', ...message }, 'method' in message && message.method === 'initialize' ? {} : session.headers),
          );
      }
    });
});

test('what agents say: arguments of megabytes', async (t) => {
  const most = 3_900_000;
  for (const [name, recipe] of texts(most).filter((_, at) => at % 2 === 0)) {
    const text = textOf(recipe);
    const fits = text.slice(0, Math.floor((most * text.length) / Buffer.byteLength(JSON.stringify(text))));
    const path = `/srv/${fits}`;
    await staysResponsive(t, name, async () => {
      await call('json-legacy', JSON.stringify({ path }));
      await call('json-modern', JSON.stringify({ [path]: 1 }));
      // As it stands it is JSON where it is made of values.
      if (/[,{[]/.test(text)) await call('json-legacy', `{"x":[${text}0]}`);
    });
  }
});

test('what agents say: many small values', async (t) => {
  for (const value of ['1', '1e100', '12345678901234567', '0.1234567890123456', '{}', '{"a":1}', '"\\u001b"', '"/a"', '1e400'])
    for (const count of [19_000, 49_000]) {
      const list = `[${Array(count).fill(value).join(',')}]`;
      const members = Array.from({ length: count }, (_, at) => `"/${at}":${value}`).join(',');
      await staysResponsive(t, `${count} of ${value}`, async () => {
        for (const args of [`{"x":${list}}`, `{"recipe":${list}}`, `{${members}}`, `{"way":${list.slice(0, -1)},{${members}}]}`]) {
          await call('json-legacy', args);
          await call('json-modern', args);
        }
      });
    }
});

test('what agents say: headers', async (t) => {
  const names = ['accept', 'content-type', 'origin', 'host', 'authorization', 'mcp-session-id', 'mcp-protocol-version', 'mcp-method'];
  for (const header of [...names, 'mcp-name', 'mcp-param-x', 'last-event-id', 'x-other'])
    await staysResponsive(t, header, async () => {
      for (const [, recipe] of texts(12_000)) {
        const value = textOf(recipe)
          .replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '~')
          .trim();
        const headers = {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: '*/*',
          ...session.headers,
          [header]: value,
        };
        await send(raw(url, { headers, body: '{"jsonrpc":"2.0","id":1,"method":"ping"}' }));
        await send(
          raw(url, { method: 'DELETE', headers: { ...headers, ...(header === 'mcp-session-id' ? {} : { 'mcp-session-id': 'none' }) } }),
        );
      }
    });
});

const everywhere: Way[] = ['text', 'members', 'links', 'values', 'values outside', 'nested', 'error', 'progress', 'log', 'updated'];
const further: Way[] = ['question', 'unknown', 'foreign', 'noise', 'many messages'];
const kinds: Record<string, Way[]> = { pipe: ['stderr'], json: ['headers', 'refusal'], stream: ['headers', 'refusal', 'bytes', 'fields'] };
for (const [kind, own] of Object.entries(kinds))
  test(`what servers say: ${kind}`, async (t) => {
    for (const [turn, way] of (kind === 'json'
      ? [...everywhere.slice(0, 7), 'noise' as const, ...own]
      : [...everywhere, ...further, ...own]
    ).entries())
      await staysResponsive(t, way, async () => {
        const length = { bytes: 10_000, 'many messages': 1000, links: 20_000 }[way as string] ?? 200_000;
        // Of three neighbours each way takes one, another one than the way before: all together take long.
        for (const [at, [, recipe]] of texts(length)
          .filter((_, at) => at % 3 === turn % 3)
          .entries()) {
          await say(session, `${kind}-legacy`, way, recipe);
          await sayModern(`${kind}-modern`, way, recipe);
          // Five failures in a row would have nothing more asked of it.
          if (at % 3 === 0) await stillThere(kind);
          if (way === 'stderr') await tell({ do: 'output' });
        }
      });
  });

/** Whatever it said, it can be reached again: otherwise the next door would be tried on nobody. */
async function stillThere(kind: string): Promise<void> {
  for (const server of eras.map((era) => `${kind}-${era}`)) {
    const here = async () => /"here"/.test((await say(session, server, 'text', [['here', 1]])).text);
    for (let again = 0; !(await here()); again++) {
      assert.ok(again < 10, `${server} cannot be reached any more`);
      await tell({ do: 'reset' });
    }
  }
}

test('what servers say: messages of many megabytes', async (t) => {
  const sixteen = 16 * 1024 * 1024;
  for (const [way, shape, length] of [
    ['values', '1e400,-0,', sixteen],
    ['values outside', '1e400,-0,', sixteen],
    ['text', '\u001b]', sixteen / 4],
    ['error', '"', sixteen / 4],
    ['progress', '\ufdfa', sixteen / 4],
    ['noise', '{', sixteen],
    ['stderr', '\u001b]', sixteen],
    ['stderr', 'ab', sixteen],
  ] as const)
    await staysResponsive(t, `${way} of ${JSON.stringify(shape)}`, async () => {
      const kind = way === 'stderr' ? 'pipe' : 'stream';
      await say(session, `${kind}-modern`, way, [[shape, Math.floor(length / shape.length)]]);
      await say(session, 'pipe-legacy', way, [[shape, Math.floor(length / shape.length)]]);
      await stillThere(kind);
    });
});

test('what servers say of themselves, and what was blessed of it', async (t) => {
  for (const [name, recipe] of texts(50_000).filter((_, at) => at % 4 === 0)) {
    const text = textOf(recipe);
    const short = text.slice(0, 2000).toWellFormed();
    const named = { name: short, title: text, description: text };
    const about = JSON.stringify(recipe);
    const odd: NonNullable<Order['servers']> = eras.map((era) => ({
      id: `odd-${era}`,
      launch: { command: process.execPath, args: [support('server').pathname], env: { ERA: era, ABOUT: about } },
      catalogue: {
        tools: [
          ...catalogue.tools,
          { ...named, inputSchema: { type: 'object', properties: { [short]: { type: 'string', pattern: short, description: text } } } },
        ],
        prompts: [named],
        resources: [{ ...named, uri: `x://${short}` }],
        resourceTemplates: [{ ...named, uriTemplate: `y://${short}` }],
        capabilities: catalogue.capabilities,
      },
    }));
    await tell({ do: 'prepare', servers: [...servers, ...odd], policies });
    await staysResponsive(t, name, async () => {
      await tell({ do: 'apply' });
      for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']) {
        await send(session.send(method));
        await send(modernRequest(url, token, method));
      }
      const { tools: listed } = (await session.send('tools/list')).json()['result'] as { tools: { name: string }[] };
      const tool = listed.find((tool) => tool.name.startsWith('odd-legacy__') && tool.name !== 'odd-legacy__say');
      if (tool) await send(session.send('tools/call', { name: tool.name, arguments: { [short]: text, way: 'noise', recipe: [] } }));
      await send(session.send('resources/read', { uri: `y://${short}x` }));
      if (name.startsWith('composition')) await say(session, 'odd-legacy', 'noise', recipe);
    });
  }
});
