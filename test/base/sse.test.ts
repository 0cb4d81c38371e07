import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSse, type SseEvent } from '../../src/base/sse.ts';

const streams: [text: string, expected: SseEvent[]][] = [
  [
    '\uFEFF\uFEFFignored\n: a comment\n\nid: 1\nretry: 250\ndata: \n\nevent: message\r\nid:2\r\ndata: {"ü":"😀"}\r\n\r\ndata: a\rdata:b\r\rdata: last\n\n',
    [
      { id: '1', retryMs: 250, data: '' },
      { id: '2', data: '{"ü":"😀"}' },
      { id: '2', data: 'a\nb' },
      { id: '2', data: 'last' },
    ],
  ],
  [
    '\uFEFFevent: a\r\ndata: 1\r\ndata:2\r\n\r\n: comment\ndata\n\nid: 7\nretry: 500\nretry: x\nevent: b\rdata: é\r\r\ndata: cut',
    [{ event: 'a', data: '1\n2' }, { data: '' }, { id: '7', event: 'b', retryMs: 500, data: 'é' }],
  ],
  // As a field that is longer than the name that most lines begin with, and as one that only looks like it.
  ['data: data: x\ndata\ndatum: y\ndata:  z\n\n', [{ data: 'data: x\n\n z' }]],
];

test('a stream of events reads as the standard has it, wherever it is cut', () => {
  for (const [text, expected] of streams) {
    const bytes = Buffer.from(text, 'utf8');
    for (let size = 1; size <= bytes.length; size++) {
      const events: SseEvent[] = [];
      const read = openSse(1000, (event) => events.push(event));
      for (let start = 0; start < bytes.length; start += size) assert.ok(read(bytes.subarray(start, start + size)));
      assert.deepEqual(events, expected, `in pieces of ${size}`);
    }
  }
});

test('one event has a bound, a stream has none', () => {
  const feed = openSse(100, () => {});
  for (let event = 0; event < 100; event++) assert.ok(feed(Buffer.from(`data: ${'x'.repeat(80)}\n\n`)));
  assert.equal(feed(Buffer.from(`data: ${'x'.repeat(120)}\n\n`)), false);
  const slow = openSse(100, () => {});
  assert.equal(slow(Buffer.from('data: '.padEnd(90, 'x'))), true);
  assert.equal(slow(Buffer.from('x'.repeat(90))), false);
  const many = openSse(100, () => {});
  assert.equal(Array.from({ length: 20 }, () => many(Buffer.from('data: 12345\n'))).at(-1), false, 'many short lines are one event too');
  assert.equal(openSse(100, () => {})(Buffer.from(`:${'x'.repeat(200)}`)), false, 'nor does a comment go on without end');
});

test('comments add up to nothing: a stream may say for ever that it is alive', () => {
  const events: SseEvent[] = [];
  const read = openSse(100, (event) => events.push(event));
  for (let beat = 0; beat < 1000; beat++) assert.ok(read(Buffer.from(': alive\n')));
  assert.ok(read(Buffer.from('data: x\n\n')));
  assert.deepEqual(events, [{ data: 'x' }]);
});

test('data beyond the given length comes in pieces, which are the same text', () => {
  const received: SseEvent['data'][] = [];
  const read = openSse(10_000, ({ data }) => received.push(data), 50);
  for (const piece of [`data: ${'ü'.repeat(40)}`, 'ä'.repeat(40), '\n\ndata: short\n\n']) assert.ok(read(Buffer.from(piece)));
  assert.ok(typeof received[0] !== 'string');
  assert.equal(Buffer.concat(received[0] as Buffer[]).toString(), 'ü'.repeat(40) + 'ä'.repeat(40));
  assert.equal(received[1], 'short');
});
