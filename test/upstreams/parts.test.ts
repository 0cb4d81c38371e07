import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashLoop } from '../../src/upstreams/connection/crash-loop.ts';
import { reconnectMs } from '../../src/upstreams/connection/reconnect.ts';
import { headerValue, parameterHeaders, requestHeaders } from '../../src/upstreams/http/headers.ts';
import { commandLine, downloads, scrubbed, withPath } from '../../src/upstreams/local/environment.ts';
import { openLines } from '../../src/upstreams/messages/lines.ts';

test('lines read the same, wherever they are cut', () => {
  const text = Buffer.from('{"a":"é"}\n\n{"b":2}\n{"c":', 'utf8');
  for (let size = 1; size <= text.length; size++) {
    const lines: unknown[] = [];
    const feed = openLines(100, (line) => lines.push(line));
    for (let start = 0; start < text.length; start += size) assert.ok(feed(text.subarray(start, start + size)));
    assert.deepEqual(lines, ['{"a":"é"}', '{"b":2}']);
  }
  assert.equal(openLines(10, () => {})(Buffer.from('x'.repeat(11))), false);
});

for (const [text, value] of [
  ['plain text', 'plain text'],
  ['tab\tinside', 'tab\tinside'],
  ['', '=?base64??='],
  [' padded', `=?base64?${btoa(' padded')}?=`],
  ['padded ', `=?base64?${btoa('padded ')}?=`],
  ['line\nfeed', `=?base64?${btoa('line\nfeed')}?=`],
  ['=?base64?eA==?=', `=?base64?${btoa('=?base64?eA==?=')}?=`],
  ['größe', '=?base64?Z3LDtsOfZQ==?='],
] as const)
  test(`as a header, ${JSON.stringify(text)} is ${value}`, () => assert.equal(headerValue(text), value));

test('arguments become headers only where the blessed schema says so soundly', () => {
  const property = (type: string, header: unknown) => ({ type, 'x-mcp-header': header });
  const tool = (name: string, properties: object) => ({ name, inputSchema: { type: 'object', properties } });
  const parameters = parameterHeaders([
    tool('sound', { a: property('string', 'A'), b: property('boolean', 'B'), n: property('integer', 'N') }),
    tool('twice', { a: property('string', 'Same'), b: property('string', 'same') }),
    tool('number', { a: property('number', 'A') }),
    tool('no-token', { a: property('string', 'A B') }),
    tool('empty', { a: property('string', '') }),
    { name: 'root', inputSchema: { type: 'object', 'x-mcp-header': 'A' } },
  ]);
  assert.deepEqual([...parameters.keys()], ['sound']);
  const headers = (args: object) => requestHeaders('tools/call', { name: 'sound', arguments: { ...args } }, parameters).slice(4);
  assert.deepEqual(headers({ a: 'x', b: false, n: 3 }), ['mcp-param-A', 'x', 'mcp-param-B', 'false', 'mcp-param-N', '3']);
  assert.deepEqual(headers({ a: null, n: 1e30 }), []);
  assert.deepEqual(headers({ a: { toString: 'x' } }), []);
});

test('waits double up to a minute, half of each is chance', () => {
  const limits = { backoffFirstMs: 500, backoffMostMs: 60_000 };
  assert.deepEqual(
    [1, 2, 3, 8, 50, 5000].map((failures) => reconnectMs(failures, limits, 1)),
    [500, 1000, 2000, 60_000, 60_000, 60_000],
  );
  assert.deepEqual(
    [1, 8].map((failures) => reconnectMs(failures, limits, 0)),
    [250, 30_000],
  );
});

test('five crashes count as a loop only within a minute', () => {
  const quick = crashLoop();
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((at) => quick.crashed(at * 1000)),
    [false, false, false, false, true],
  );
  const slow = crashLoop();
  assert.ok([0, 1, 2, 3, 4, 5, 6].every((at) => !slow.crashed(at * 16_000)));
});

test('the environment is an allow-list', () => {
  const ours = {
    PATH: '/bin',
    LC_ALL: 'C',
    Path: 'x',
    HOME: '/h',
    GATEHOUSE_DATA: 'd',
    GITHUB_TOKEN: 't',
    NODE_OPTIONS: '--inspect',
    LD_PRELOAD: 'x',
  };
  assert.deepEqual(scrubbed(ours), { PATH: '/bin', LC_ALL: 'C', Path: 'x', HOME: '/h' });
});

test('what is executed is an argv; on Windows .cmd files go through cmd.exe with every argument held together', () => {
  const files = new Set(['C:\\node\\npx.cmd', 'C:\\node\\npx.exe', 'C:\\node\\tool.v2.cmd', 'C:\\uv\\uvx.exe']);
  const on = (platform: NodeJS.Platform, electron = false) => ({
    platform,
    electron,
    execPath: '/our/node',
    environment: { Path: 'C:\\node;C:\\uv', PathExt: '.COM;.CMD;.EXE;.JS' },
    exists: (path: string) => files.has(path),
  });
  const run = (command: string, args: string[], platform: NodeJS.Platform, electron = false) =>
    commandLine({ command, args }, on(platform, electron));
  assert.deepEqual(run('node', ['a.js'], 'linux'), { file: '/our/node', args: ['a.js'], verbatim: false });
  assert.deepEqual(run('node', ['a.js'], 'linux', true), { file: 'node', args: ['a.js'], verbatim: false });
  assert.deepEqual(run('npx', ['$(x)', '&'], 'linux'), { file: 'npx', args: ['$(x)', '&'], verbatim: false });
  assert.deepEqual(run('uvx', ['a b'], 'win32'), { file: 'C:\\uv\\uvx.exe', args: ['a b'], verbatim: false });
  const line = run('npx', ['a b', '"&calc'], 'win32');
  assert.deepEqual([line.file, line.verbatim, line.args.slice(0, 3)], ['cmd.exe', true, ['/d', '/s', '/c']]);
  assert.deepEqual(run('tool.v2', [], 'win32').file, 'cmd.exe', 'a dot in a name is no ending');
  assert.equal(line.args[3], '"C:\\node\\npx.cmd ^^^"a^^^ b^^^" ^^^"\\^^^"^^^&calc^^^""');
});

test('the search path can be given, whatever its variable is called; what fetches programs is known by name', () => {
  assert.deepEqual(withPath({ Path: 'a', X: 'y' }, 'b'), { Path: 'b', X: 'y' });
  assert.deepEqual(withPath({ PATH: 'a' }, undefined), { PATH: 'a' });
  assert.deepEqual(
    ['npx', '/opt/bin/uvx', 'C:\\node\\NPX.cmd', 'node', 'my-npx'].map((command) => downloads({ command })),
    [true, true, true, false, false],
  );
});
