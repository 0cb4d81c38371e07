import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseShort } from '../../src/upstreams/messages/parse-json.ts';

const parseJson = (text: string, bytes?: Buffer) => parseShort(text, bytes)!.message;

test('numbers that JavaScript cannot hold come out as they went in', () => {
  for (const text of ['-0', '[1,-0]', '{"a":-0.0}', '{"id":1234567890123456789}', '[-9223372036854775808]', '{"x":[1e400,-1E+999]}'])
    assert.equal(JSON.stringify(parseJson(text)), text);
});

test('all other numbers, and texts that look like them, are what they are', () => {
  for (const text of [
    '1e21',
    '1.50',
    '9007199254740992',
    '-0.5',
    '{"date":"2026-01-02","digits":"12345678901234567890","e":"1e400"}',
    'null',
  ])
    assert.deepEqual(parseJson(text), JSON.parse(text));
  assert.deepEqual(Object.keys(parseJson('{"__proto__":{"a":-0},"b":1}') as object), ['__proto__', 'b']);
  assert.throws(() => parseJson('{"a":12345678901234567890'), SyntaxError);
});
