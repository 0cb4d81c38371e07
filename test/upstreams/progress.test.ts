import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { entry, open, peer, text, tool } from '../support/upstreams/open.ts';
import { event, type Handle, json, legacy, type Message, result, sse, startRaw } from '../support/upstreams/raw.ts';

const program = fileURLToPath(new URL('../support/upstreams/stdio-server.ts', import.meta.url));

/** Takes its time, and says so only where a token asks it to, as most servers do. */
const long: Handle = (message, response) => {
  if (message === undefined) return false;
  if (message.method !== 'tools/call') return json(response, { jsonrpc: '2.0', id: message.id, result: { got: message.params } });
  const progressToken = message.params._meta?.progressToken;
  const said = (progress: number) => event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress } });
  let progress = 0;
  sse(response).write(': begun\n\n');
  const step = setInterval(() => progressToken !== undefined && response.write(said(++progress)), 100);
  setTimeout(() => {
    clearInterval(step);
    response.end(event(result(message.id, JSON.stringify(message.params))));
  }, message.params.arguments.ms);
};

const upstreams: Record<string, (t: TestContext) => Promise<Parameters<typeof entry>[0]>> = {
  'legacy over HTTP': async (t) => ({ url: (await startRaw(t, legacy(long))).url, era: 'legacy' }),
  'modern over HTTP': async (t) => {
    const discovered = (message: Message) => ({
      jsonrpc: '2.0',
      id: message.id,
      result: { supportedVersions: ['2026-07-28'], capabilities: {} },
    });
    const raw = await startRaw(t, (message, response, ...rest) =>
      message?.method === 'server/discover' ? json(response, discovered(message)) : long(message, response, ...rest),
    );
    return { url: raw.url, era: 'modern' };
  },
  'legacy over stdio': async () => ({ launch: { command: 'node', args: [program], env: { MODE: 'legacy' } }, era: 'legacy' }),
  'modern over stdio': async () => ({ launch: { command: 'node', args: [program], env: { MODE: 'modern' } }, era: 'modern' }),
};

for (const [how, start] of Object.entries(upstreams))
  test(`${how}: a tool that reports progress outlives its deadline, also where the agent did not ask for progress`, async (t) => {
    const { upstream } = open(t, entry({ ...(await start(t)), timeoutMs: 60_000 }));
    const params = { name: 'long', arguments: { ms: 1600 }, _meta: { 'x-vendor': 1 } };
    const got = JSON.parse(text(await upstream.call(tool('', {}, { params, timeoutMs: 800 }))));
    assert.equal(typeof got._meta.progressToken, 'number');
    assert.equal(got._meta['x-vendor'], 1);
    assert.deepEqual(params, { name: 'long', arguments: { ms: 1600 }, _meta: { 'x-vendor': 1 } }, "the caller's own object is left alone");
    const seen: unknown[] = [];
    await upstream.call(tool('long', { ms: 350 }, { onProgress: ({ progress }) => seen.push(progress) }));
    assert.ok(seen.length >= 2 && seen[0] === 1, 'who asked for it gets it');
  });

test('what is no tool is sent as the agent sent it', async (t) => {
  const { upstream } = open(t, entry(await upstreams['legacy over HTTP']!(t)));
  const params = { name: 'p' };
  assert.deepEqual(await upstream.call({ method: 'prompts/get', params, peer: peer(), signal: new AbortController().signal }), {
    result: { got: params },
  });
});
