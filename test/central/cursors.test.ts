// A server whose cursor leads nowhere costs one request too many, never its whole list.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { fetchCatalogue } from '../../src/central/publish/catalogue.ts';
import { json, startRaw } from '../support/upstreams/raw.ts';

type Page = { items: string[]; next?: unknown };

/** A server whose `tools/list` goes by `page`; in both eras. */
async function server(t: TestContext, page: (cursor: unknown) => Page) {
  const asked: unknown[] = [];
  const raw = await startRaw(t, (message, response, request) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    if (message.id === undefined) return response.writeHead(202).end();
    const say = (result: object) => json(response, { jsonrpc: '2.0', id: message.id, result });
    const capabilities = { tools: {} };
    if (message.method === 'server/discover') return say({ supportedVersions: ['2026-07-28'], capabilities });
    if (message.method === 'initialize')
      return say({ protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'paging', version: '1' } });
    if (message.method !== 'tools/list') return say({});
    asked.push(message.params?.cursor);
    const { items, next } = page(message.params?.cursor);
    say({ tools: items.map((name) => ({ name, inputSchema: { type: 'object' } })), ...(next === undefined ? {} : { nextCursor: next }) });
  });
  const read = async (era: 'legacy' | 'modern') => {
    asked.length = 0;
    const { tools, leftOut } = await fetchCatalogue({ id: 'paging', url: raw.url, era });
    return { names: tools.map(({ name }) => name), leftOut, requests: asked.length };
  };
  return { read };
}

/** Lists are read until two readings agree. */
const readings = 2;

test('whatever cursors a server names, it is read until the first that it named before, and what was read is kept', async (t) => {
  let page: (cursor: unknown) => Page = () => ({ items: [] });
  const { read } = await server(t, (cursor) => page(cursor));
  // Pages in a row, of which the last leads back to one of them, to itself, to the first one, or to none.
  const pages = fc.integer({ min: 1, max: 6 }).chain((count) => fc.tuple(fc.constant(count), fc.option(fc.nat(count - 1))));
  await fc.assert(
    fc.asyncProperty(pages, fc.constantFrom('legacy' as const, 'modern' as const), async ([count, back], era) => {
      page = (cursor) => {
        const at = cursor === undefined ? 0 : Number(cursor);
        const next = at < count - 1 ? at + 1 : back;
        return { items: [`tool-${at}`, `other-${at}`], ...(next === null ? {} : { next: String(next) }) };
      };
      const { names, leftOut, requests } = await read(era);
      assert.deepEqual(names, Array.from({ length: count }, (_, at) => [`tool-${at}`, `other-${at}`]).flat());
      assert.ok(requests <= readings * (count + 2), `${requests} requests for ${count} pages`);
      assert.deepEqual(
        leftOut.map(({ what }) => what),
        back === null ? [] : ['tools/list'],
      );
      if (back !== null) assert.match(leftOut[0]!.why, /cursor for the second time/);
    }),
    { numRuns: 40, seed: 1 },
  );
});

test('a server that ignores the cursor, or names one that is no text, is read once more and said so', async (t) => {
  for (const next of ['', 'more', 7, { at: 1 }]) {
    const { read } = await server(t, () => ({ items: ['a', 'b'], next }));
    const { names, leftOut, requests } = await read('legacy');
    assert.deepEqual([names, leftOut.length, requests], [['a', 'b'], 1, readings * 2], JSON.stringify(next));
  }
});

test('of a list without an end as much as two hundred pages is kept, and it is said that there is more', async (t) => {
  const { read } = await server(t, (cursor) => ({ items: [`tool-${Number(cursor ?? 0)}`], next: String(Number(cursor ?? 0) + 1) }));
  const { names, leftOut, requests } = await read('modern');
  assert.deepEqual([names.length, requests], [200, readings * 200]);
  assert.match(leftOut[0]!.why, /more than 200 pages/);
});
