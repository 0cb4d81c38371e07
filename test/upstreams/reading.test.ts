// Long messages are read by another thread: what comes out must be what went in, whatever is cut out of it on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Hole, jsonOf } from '../../src/upstreams/messages/hole.ts';
import { long, readMessage } from '../../src/upstreams/messages/reading.ts';
import type { UpstreamError } from '../../src/upstreams/upstream.ts';
import { entry, legacySession, makeBundle, modernRequest, openTestGateway } from '../support/gateway.ts';
import { openRpcServer } from '../support/rpc-server.ts';

const read = (text: string | Buffer) =>
  new Promise<{ message: unknown; error: UpstreamError | undefined }>((resolve) => {
    readMessage(typeof text === 'string' || text.length <= long ? text : [text], (message, error) => resolve({ message, error }));
  });
const filler = 'x'.repeat(long);
const texts = (text: string | readonly (string | Buffer)[]) => (typeof text === 'string' ? text : text.join(''));

test('any long result comes out as it went in, with the order of its members and its numbers', async () => {
  const numbers = fc.constantFrom('-0', '1e400', '12345678901234567890', '1.50', '7');
  const piece = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
    numbers,
    fc.string({ minLength: 1025, maxLength: 3000, unit: 'binary' }).map((value) => JSON.stringify(value)),
    fc.constantFrom('{"__proto__":{"a":-0},"b":[1e400]}', '{"":{"":[]}}', '{"structuredContent":{"a":1}}'),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 6 }), fc.boolean(), async (pieces, structured) => {
      const inner = `[${pieces.join(',')}]`;
      const result = structured
        ? `{"structuredContent":{"list":${inner}},"content":[{"type":"text","text":"${filler}"}]}`
        : `{"content":[{"text":"${filler}","more":${inner}}],"__proto__":${inner}}`;
      const { message } = await read(Buffer.from(`{"jsonrpc":"2.0","id":7,"result":${result},"after":${inner}}`));
      const answer = message as { id: number; result: { content: { text: unknown }[] } };
      assert.equal(answer.id, 7);
      assert.ok(answer.result.content[0]!.text instanceof Hole);
      const expected = result.replaceAll('-0.0', '-0');
      assert.equal(texts(jsonOf(answer.result)), expected.replaceAll(inner, JSON.stringify(JSON.parse(inner, keep))));
      assert.equal(JSON.stringify(answer.result), texts(jsonOf(answer.result)), 'the slow way says the same');
    }),
    { numRuns: 40, seed: 11 },
  );
});

const { rawJSON } = JSON as unknown as { rawJSON(source: string): unknown };
const keep = ((_key: string, value: unknown, { source }: { source?: string }) =>
  typeof value === 'number' && ['-0', '1e400', '12345678901234567890'].includes(source!) ? rawJSON(source!) : value) as unknown as (
  key: string,
  value: unknown,
) => unknown;

test('what is too much is an error that says so, and the reader goes on', async () => {
  const refused = async (text: string) => (await read(Buffer.from(text))).error;
  const many = (value: string, length: number) => `[${Array(length).fill(value).join(',')}]`;
  const answer = (inside: string) => `{"jsonrpc":"2.0","id":9,"result":{"content":${inside}}}`;
  for (const [text, why] of [
    [answer(many('{}', 900_000)), /more than 50000 values/],
    [answer(many('{}', 5_000_000)), /more than 2000000 values/],
    [answer(many(`"${'\\ud800'.repeat(1000)}"`, 1000)), /bytes in its many/],
    [answer(many(`"${'y'.repeat(1000)}"`, 20_000)), /bytes in its many/],
    [`{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"${'y'.repeat(9_000_000)}"}}`, /bytes in its many/],
    [`${answer('1')}${' '.repeat(long)}}`, /not JSON/],
    [`${'['.repeat(long)}`, /not JSON/],
  ] as const) {
    const error = await refused(text);
    assert.match(error?.message ?? '', why, text.slice(0, 60));
    if (!/not JSON/.test(why.source) && text.includes('"id":9')) assert.equal((error as { id?: unknown }).id, 9);
  }
  const table = many('{"id":12345678901234567890,"a":"b"}', 100_000);
  const { message } = await read(Buffer.from(`{"jsonrpc":"2.0","id":9,"result":{"structuredContent":{"rows":${table}},"content":[]}}`));
  assert.equal(texts(jsonOf(message)), `{"jsonrpc":"2.0","id":9,"result":{"structuredContent":{"rows":${table}},"content":[]}}`);
});

test('a long result reaches agents of both eras whole, with its links spelt out; a stream keeps its order around it', async (t) => {
  const image = Buffer.alloc(15_000_000, 'abc').toString('base64');
  const content = [
    { type: 'image', data: image, mimeType: 'image/png' },
    { type: 'resource_link', uri: 'x://here', name: 'here' },
  ];
  const rows = Array.from({ length: 60_000 }, (_, at) => ({ at, name: `row ${at}` }));
  const server = await openRpcServer({
    'tools/call': ({ params }, { notify }) => {
      if (params['name'] === 'stream') {
        const { progressToken } = params['_meta'] as { progressToken: number };
        notify('notifications/progress', { progressToken, progress: 1 });
        notify('notifications/progress', { progressToken, progress: 2, message: 'z'.repeat(3_000_000) });
        notify('notifications/progress', { progressToken, progress: 3 });
      }
      return { result: { content, structuredContent: { rows } } };
    },
  });
  const tools = ['plain', 'stream'].map((name) => ({ name, inputSchema: { type: 'object' } }));
  const other = entry({ id: 'first', url: 'http://127.0.0.1:9/mcp', catalogue: { resources: [{ uri: 'x://here' }] } });
  const house = await openTestGateway(makeBundle({ servers: [other, entry({ id: 'big', url: server.url, tools })] }));
  t.after(async () => {
    await house.close();
    await server.close();
  });
  const expected = { content: [content[0], { ...content[1], uri: 'big+x://here' }], structuredContent: { rows } };
  const session = await legacySession(house.url, house.token);
  const plain = (await session.send('tools/call', { name: 'big__plain', arguments: {} })).json();
  assert.deepEqual(plain['result'], expected);
  const modern = (await modernRequest(house.url, house.token, 'tools/call', { name: 'big__plain', arguments: {} })).json();
  assert.deepEqual(modern['result'], { resultType: 'complete', ...expected });
  const events = (await session.send('tools/call', { name: 'big__stream', arguments: {}, _meta: { progressToken: 'p' } })).events();
  assert.deepEqual(
    events.map((event) => (event['params'] as { progress?: number } | undefined)?.progress ?? 'result'),
    [1, 2, 3, 'result'],
  );
  assert.deepEqual(events.at(-1)!['result'], expected);
  const sizes = (await house.records()).map(({ responseBytes, outcome }) => [responseBytes > image.length, outcome]);
  assert.deepEqual(sizes, Array(3).fill([true, 'ok']));
});
