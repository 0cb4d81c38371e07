import assert from 'node:assert/strict';
import { test } from 'node:test';
import { href, parse } from '../../renderer/router.ts';
import { ago, duration, failure, sentence, size } from '../../renderer/words.ts';

test('an address and its page are the same both ways, whatever the names hold', () => {
  for (const route of [
    { page: 'overview' },
    { page: 'servers' },
    { page: 'server', server: 'a/b c?d#e%', tab: 'tools', tool: 'x/y?z' },
    { page: 'server', server: 'tickets', tab: 'use' },
    { page: 'agents', add: true },
    { page: 'activity', seq: 12, query: { text: 'a&b=c?', agent: 'claude code' } },
    { page: 'settings' },
  ] as const)
    assert.deepEqual(parse(href(route)), route);
});

test('a hash that nobody wrote is a page that does not exist, never an exception', () => {
  for (const hash of ['#/nothing', '#/servers/x/nothing', '#no', '#/%E0%A4%A']) assert.equal(parse(hash).page, 'unknown');
  assert.deepEqual(parse('#/activity/-1?text=a'), { page: 'activity', query: { text: 'a' } });
  assert.equal(parse('#/servers/%E0%A4%A').page, 'server');
});

test('times, durations and sizes carry their units', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const at = (before: number) => new Date(now - before * 1000).toISOString();
  assert.deepEqual(
    [1, 40, 300, 7200, 86_400, 172_800, -90].map((before) => ago(at(before), now)),
    ['just now', '40 s ago', '5 min ago', '2 h ago', '1 day ago', '2 days ago', 'in 1 min'],
  );
  assert.deepEqual([0.04, 0.44, 9.96, 142.4, 1400, 125_000].map(duration), ['< 0.1 ms', '0.4 ms', '10 ms', '142 ms', '1.4 s', '2 min 5 s']);
  assert.deepEqual([12, 1234, 45_600, 1_500_000].map(size), ['12 B', '1.2 kB', '46 kB', '1.5 MB']);
  assert.deepEqual(['first-party', '', 'restricted'].map(sentence), ['First party', 'Not set', 'Restricted']);
});

test('what an upstream’s trouble is called in the ledger is spelt out, and anything else stays as it is', () => {
  assert.equal(
    failure('unreachable: nothing answers at http://127.0.0.1:1'),
    'The server could not be reached: nothing answers at http://127.0.0.1:1',
  );
  assert.equal(failure('tool_error'), 'The tool answered with an error');
  for (const text of ['The server closed the connection: 502 Bad Gateway.', 'odd: one', 'x']) assert.equal(failure(text), text);
});
