import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Log, silent } from '../../src/base/log.ts';
import { openOutput } from '../../src/upstreams/local/output.ts';
import { entry, open, text, tool, until } from '../support/upstreams/open.ts';

const program = join(import.meta.dirname, '../support/upstreams/stdio-server.ts');
const said = (secrets: string[], ...chunks: (string | Buffer)[]) => {
  const output = openOutput(secrets);
  const words = output.begin();
  for (const chunk of chunks) words.write(Buffer.from(chunk as string));
  words.end();
  return output.lines();
};
const bytewise = (text: string) => [...Buffer.from(text)].map((byte) => Buffer.from([byte]));

test('a secret is masked however it arrives: whole, in pieces, unfinished, within another, coloured, line by line', () => {
  assert.deepEqual(said(['hunter2-hunter2'], 'key hunter2-hunter2!\n'), ['key [secret]!']);
  assert.deepEqual(said(['hünter2-hünter2'], ...bytewise('key hünter2-hünter2, hü and hünter\n')), ['key [secret], hü and hünter']);
  assert.deepEqual(said(['hunter2-hunter2'], 'key hunter2-hunter'), ['key [secret]']);
  assert.deepEqual(said(['abcdefgh', 'abcdefghijkl'], 'abcdefgh', 'ijkl|abcdefgh|abcdefghij\n'), ['[secret]|[secret]|[secret]ij']);
  assert.deepEqual(said(['abcdefgh', 'efghijkl'], 'abcdefghijkl\n'), ['[secret]']);
  assert.deepEqual(said(['aaaaaaaa'], `${'a'.repeat(21)}\n`), ['[secret]']);
  assert.deepEqual(said(['hunter2-hunter2'], 'hunter2\u001b[31m-hunter2\u001b[0m\n'), ['[secret]']);
  const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n';
  assert.deepEqual(said([key], key, '| MIIEvQIBADANBgkq\n'), ['[secret]', '| [secret]']);
  assert.deepEqual(said(['true', 'info'], 'info: true\n'), ['info: true']);
});

test('lines are text: no sequences for terminals, no controls, no turned direction, no empty ones', () => {
  const nasty = 'a\u001b]0;title\u0007b\u009b31mc\r\n\n\u202etxt.exe\tx\u0000y\u2028z\rnext\n';
  const lines = said([], nasty);
  assert.deepEqual(lines.length, 3);
  assert.doesNotMatch(lines.join(''), /[\p{Cc}\u2028\u202e]/u);
  assert.equal(lines.at(-1), 'next');
});

test('only the end is kept, whole lines and never the end of a secret', () => {
  const secret = 's3cr3t-'.repeat(3000);
  const output = openOutput([secret]);
  for (let process = 0; process < 2; process++) {
    const words = output.begin();
    for (let line = 0; line < 10_000; line++) words.write(Buffer.from(`${process} line ${line} is about this long\n`));
    words.write(Buffer.from(`${secret}\n`));
    for (let line = 0; line < 1500; line++) words.write(Buffer.from(`${process} after ${line} it is about this long\n`));
    words.end();
  }
  const lines = output.lines();
  assert.ok(lines.join('\n').length <= 64 * 1024 && lines.length > 1500);
  assert.doesNotMatch(lines.join('\n'), /s3cr3t/);
  assert.equal(lines.at(-1), '1 after 1499 it is about this long');
  for (const line of lines) assert.match(line, /^1 (line|after) \d+ i.*long$|^\[secret\]$/);
});

test('an error that quotes standard error shows no part of a secret, and neither does the log', async (t) => {
  const secret = `${'k'.repeat(400)}-the-end-of-it`;
  const logged: unknown[] = [];
  const log: Log = { ...silent, info: (fields) => logged.push(fields), debug: (fields) => logged.push(fields) };
  const launch = { command: 'node', args: [program], env: { KEY: secret } };
  const { upstream } = open(t, entry({ launch }), {}, { log });
  await assert.rejects(upstream.call(tool('crash', { why: secret })), (error: Error) => {
    assert.match(error.message, /exit code 7: .*giving up because of \[secret\]/);
    assert.doesNotMatch(error.message, /kkk|the-end/);
    return true;
  });
  assert.match(JSON.stringify(logged), /giving up because of \[secret\]/);
  assert.doesNotMatch(JSON.stringify(logged), /kkk|the-end/);
});

test('what a local server wrote can be read while it runs and after it ended, over all its processes', async (t) => {
  const launch = { command: 'node', args: [program], env: { KEY: 'hunter2-hunter2' } };
  let now = 0;
  const { upstream } = open(t, entry({ launch }), {}, { now: () => now });
  assert.deepEqual(upstream.output(), []);
  assert.equal(text(await upstream.call(tool('complain', { text: 'no config\nusing hunter2-hunter2\n' }))), 'well');
  await until(() => upstream.output().length === 3);
  assert.deepEqual(upstream.output().slice(1), ['no config', 'using [secret]']);
  await assert.rejects(upstream.call(tool('crash', { why: 'boredom' })));
  now += 61_000;
  await upstream.call(tool('complain', { text: 'again\n' }));
  await until(() => upstream.output().at(-1) === 'again');
  assert.ok(upstream.output().includes('giving up because of boredom'));
  const remote = open(t, entry({ url: 'http://127.0.0.1:1/mcp' }));
  assert.deepEqual(remote.upstream.output(), []);
});
