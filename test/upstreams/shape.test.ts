import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseShort, writtenAs } from '../../src/upstreams/messages/parse-json.ts';
import { shapeOf } from '../../src/upstreams/messages/shape.ts';

const parseJson = (text: string, bytes?: Buffer) => parseShort(text, bytes)!.message;

const filler = 'x'.repeat(40_000);
const message = (result: string, more = '') => `{"jsonrpc":"2.0","id":1,"result":${result}${more}}`;
const kept = (text: string, bytes?: Buffer) => writtenAs((parseJson(text, bytes) as { result: object }).result)?.toString();

test('a long result is kept as it was written, whatever stands around it', () => {
  for (const result of [
    `{"content":[{"type":"text","text":"${filler}"}]}`,
    ` { "content" : [ { "text" : "${filler}" } ] , "n" : [1.50, -0.0e0, true, null] } `,
    `{"a":"${filler}\\\\\\"}{][,:","b":{"result":"\\u00e9"}}`,
    `{"grüße 👋":"${filler}ж"}`,
  ])
    for (const text of [message(result), message(result, ',"x":{"result":1}'), `{"result":${result},"id":1,"jsonrpc":"2.0"}`])
      for (const bytes of [undefined, Buffer.from(text)]) assert.equal(kept(text, bytes), result);
});

test('what another parser could read another way is not', () => {
  for (const text of [
    message(`{"isError":true,"text":"${filler}","isError":false}`),
    message(`{"content":[{"text":"${filler}","te\\u0078t":"other"}]}`),
    message(`{"text":"${filler}"}`, ',"result":{"text":"other"}'),
    message(`{"text":"${filler}"}`, ',"resul\\u0074":{"text":"other"}'),
    message(`{\n"text":"${filler}"}`),
    message(`{"text":"${filler}"}`).replace('"id":1', '"id":\r1'),
  ])
    assert.equal(kept(text), undefined, text.replace(filler, '…'));
  // Of many small members: written anew as quickly.
  assert.equal(kept(message(JSON.stringify({ list: Array.from({ length: 5000 }, (_, at) => ({ at })) }))), undefined);
  assert.equal(kept(message('{"text":"short"}')), undefined);
});

test('bytes that are no UTF-8 do not pass as they are', () => {
  const bytes = Buffer.concat([Buffer.from(`{"id":1,"result":{"a":"${filler}`), Buffer.from([0xff, 0xc0]), Buffer.from('"}}')]);
  assert.equal(kept(bytes.toString('utf8'), bytes), `{"a":"${filler}\ufffd\ufffd"}`);
});

test('any message: what is kept means what was parsed, and numbers come out as they went in', () => {
  const long = fc.array(fc.jsonValue({ maxDepth: 3 }), { maxLength: 4 }).map((values) => [...values, filler]);
  fc.assert(
    fc.property(long, fc.boolean(), (value, first) => {
      const result = JSON.stringify({ value });
      const text = first ? message(result) : message(result, `,"more":${JSON.stringify(value)}`);
      const parsed = parseJson(text, Buffer.from(text)) as { result: object };
      const written = writtenAs(parsed.result);
      assert.equal(written?.toString() ?? JSON.stringify(parsed.result), result);
    }),
    { numRuns: 300 },
  );
  for (const number of ['-0', '-0.0', '12345678901234567890', '1e400', '-1E+999'])
    assert.equal(JSON.stringify(parseJson(`[${number},"${filler}"]`)), `[${number},"${filler}"]`);
  for (const number of ['0.12345678901234567', '1e-7', '123456.7e2', '-0.5', '1.5e30'])
    assert.equal((shapeOf(`[${number}]`, 9) as { loses: boolean }).loses, false, number);
});

test('a number that is kept as it was written makes up for no member that stands twice', () => {
  for (const number of ['12345678901234567890', '-0', '1e400']) {
    const twice = message(`{"isError":true,"isError":false,"n":${number},"text":"${filler}"}`);
    assert.equal(kept(twice, Buffer.from(twice)), undefined, number);
    const once = message(`{"isError":false,"n":${number},"text":"${filler}"}`);
    assert.equal(kept(once, Buffer.from(once)), `{"isError":false,"n":${number},"text":"${filler}"}`);
  }
});
