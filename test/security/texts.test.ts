// A stranger's text is bounded before it is looked at, and looked at in one pass. The figures are CPU time, which a busy machine does not change much.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { withoutSequences } from '../../src/base/plain-text.ts';
import { plain } from '../../src/cli/print.ts';
import { readBody } from '../../src/gateway/http/body.ts';
import { openOutput } from '../../src/upstreams/local/output.ts';
import { allowAll, entry, legacySession, makeBundle, openTestGateway } from '../support/gateway.ts';

const shapes = [
  '\u001b]',
  '\u001b[',
  '\u001bP',
  '\u001b',
  '\u009b',
  '\u009d',
  '\u001b]\u001b',
  '\u001b[3',
  '\u001b(',
  '\ufdfa',
  'a\u0301',
  ' \t',
  '\r',
  '%25',
  '../',
  '\ud800',
  '{"a":',
  '\\"',
];

function milliseconds(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

test('what a local server writes, or anybody else, becomes plain text in linear time', () => {
  for (const shape of shapes) {
    const text = shape.repeat(Math.ceil((128 * 1024) / shape.length));
    const best = (work: () => unknown) => Math.min(...[1, 2, 3].map(() => milliseconds(work)));
    assert.ok(best(() => plain(text)) < 100, JSON.stringify(shape));
    const output = openOutput(['a-secret-of-its-own']);
    output.begin().write(Buffer.from(text));
    assert.ok(best(() => output.lines()) < 200, JSON.stringify(shape));
  }
});

test('no sequence is left, whatever is put together; plain text stays as it is', () => {
  const piece = fc.oneof(
    fc.constantFrom(...shapes, '\u0007', '\u001b\\', '\u009c', '\n', 'm', '31;1m', ']8;;http://x.example', 'B'),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const cleaned = withoutSequences(pieces.join(''));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      assert.doesNotMatch(cleaned, /[\u001b\u0090-\u009f]/);
      assert.equal(withoutSequences(cleaned), cleaned);
    }),
    { numRuns: 2000, seed: 3 },
  );
  for (const text of ['\u001b[31mred\u001b[0m', '\u001b]8;;https://x.example\u0007link\u001b]8;;\u0007', 'a\u001b[2Kb', '\u009b1mbold'])
    assert.equal(withoutSequences(text), stripVTControlCharacters(text), JSON.stringify(text));
});

test('methods, names, URIs and ids beyond their bounds are refused before they are looked up', async (t) => {
  const server = entry({
    id: 'docs',
    url: 'http://127.0.0.1:9/mcp',
    tools: [{ name: 'run', inputSchema: { type: 'object' } }],
    catalogue: { resources: [{ uri: 'file:///a/secret' }], tools: [{ name: 'run', inputSchema: { type: 'object' } }] },
  });
  const gateway = await openTestGateway(makeBundle({ servers: [server], policies: allowAll }));
  t.after(() => gateway.close());
  const session = await legacySession(gateway.url, gateway.token);
  for (const shape of shapes) {
    const text = shape.repeat(Math.ceil(200_000 / shape.length));
    for (const [method, params] of [
      ['tools/call', { name: text }],
      ['prompts/get', { name: text }],
      ['resources/read', { uri: `file:///${text}` }],
      ['resources/subscribe', { uri: `file:///${text}` }],
      ['completion/complete', { ref: { type: 'ref/resource', uri: text }, argument: { name: 'a', value: '' } }],
      ['completion/complete', { ref: { type: 'ref/prompt', name: text }, argument: { name: 'a', value: '' } }],
      [text, {}],
    ] as const) {
      const answer = await session.send(method, params);
      assert.match(answer.text, /at most \d+ characters/, `${JSON.stringify(shape)} ${method.slice(0, 20)}`);
      assert.ok(answer.text.length < 1000, 'the text does not come back');
    }
  }
});

test('a body of many small values is refused or read in little time, and the next one is answered', async (t) => {
  const server = entry({ id: 'docs', url: 'http://127.0.0.1:9/mcp', tools: [{ name: 'run', inputSchema: { type: 'object' } }] });
  const gateway = await openTestGateway(makeBundle({ servers: [server], policies: allowAll }));
  t.after(() => gateway.close());
  const session = await legacySession(gateway.url, gateway.token);
  for (const value of ['1e1', '1e100', '1', '12345678901234567', '{}', '[]', '{"a":1}', 'null', '""', '-0', '1e400']) {
    const list = `${value},`.repeat(Math.floor(4_000_000 / (value.length + 1))).slice(0, -1);
    const body = Buffer.from(
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"no","arguments":{"a":[1234567890123456,${list}]}}}`,
    );
    const request = Readable.from([body]) as unknown as IncomingMessage;
    request.headers = {};
    const before = process.cpuUsage();
    const read = await readBody(request, 4 * 1024 * 1024, 64);
    const { user } = process.cpuUsage(before);
    assert.ok('refused' in read, value);
    // The old way took one to two seconds of some of them.
    assert.ok(user < 300_000, `${value}: ${user / 1000} ms`);
  }
  assert.equal((await session.send('ping')).status, 200);
});
