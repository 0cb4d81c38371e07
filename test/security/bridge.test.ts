import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { clientId, type Process, scriptOf, starterOf } from '../../src/agents/bridged/program.ts';
import { silent as log } from '../../src/base/log.ts';
import { openControl } from '../../src/shell/control.ts';
import { holderOf } from '../../src/shell/lock.ts';
import { entry as cli } from '../cli/command.ts';
import { smallCore } from '../headless/small-core.ts';
import { hello, openBridged, startBridge } from '../support/bridged.ts';
import { makeBundle } from '../support/gateway.ts';
import { until } from '../support/upstreams/open.ts';

/** Attacks on the way of bridges: other users, other programs, what lies at the socket's path, a host that answers rubbish. */

const unix = { skip: process.platform === 'win32' ? 'there are no permissions of files, and no links without rights' : false };

let house: Awaited<ReturnType<typeof openBridged>>;
const clock = { now: Date.now() };
before(async () => {
  house = await openBridged(makeBundle({ servers: [] }), { now: () => clock.now });
});
after(() => house?.close());

/** Says one line on the socket, as any program of the user can, and resolves with the first line that comes back. */
async function first(input: object): Promise<{ ok?: boolean; waits?: string; error?: { code: string } }> {
  const socket = connect(holderOf(house.dataDir, 'control')!.socket!);
  socket.write(`${JSON.stringify({ command: 'bridge', input })}\n`);
  const [line] = (await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk))))).split('\n');
  socket.destroy();
  return JSON.parse(line!) as Awaited<ReturnType<typeof first>>;
}

test('another user cannot reach the socket', {
  skip: process.platform === 'linux' && process.getuid?.() === 0 ? false : 'only the system administrator can be another user',
}, () => {
  const socket = holderOf(house.dataDir, 'control')!.socket!;
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.equal(statSync(house.dataDir).mode & 0o777, 0o700);
  const script = `require('node:net').connect(${JSON.stringify(socket)}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))`;
  const elsewhere = mkdtempSync(join(tmpdir(), 'gatehouse-other-'));
  chmodSync(elsewhere, 0o755);
  const run = (uid: number) =>
    spawnSync('/proc/self/exe', ['-e', script], { argv0: 'node', uid, gid: uid, cwd: elsewhere, timeout: 5_000 });
  const tried = run(65_534);
  rmSync(elsewhere, { recursive: true });
  assert.equal(tried.error, undefined);
  assert.equal(tried.stdout.toString().trim(), 'EACCES', tried.stderr.toString());
});

test('a program that was denied, revoked or is over its time gets nothing; limits hold; one question however often it comes', async () => {
  const bridge = startBridge(house.dataDir);
  bridge.say(hello());
  const [, code] = await bridge.told(/allow (\S+) in Gatehouse/);
  const twin = startBridge(house.dataDir);
  twin.say(hello());
  await twin.told(new RegExp(`allow ${code} in`));
  assert.equal(house.authorization.pending().length, 1);
  house.authorization.deny(code!);
  for (const each of [bridge, twin]) assert.match(await each.answer(1), /"error".*has not allowed this program/);
  // Agents start what failed anew; the person is not asked each time.
  bridge.say(hello(2));
  assert.match(await bridge.answer(2), /"error".*has not allowed this program/);
  assert.equal(house.authorization.pending().length, 0);
  clock.now += 11 * 60_000;

  bridge.say(hello(3));
  const { name } = await house.allowNext({ servers: ['one'], expiresAt: clock.now + 60_000 });
  assert.match(await bridge.answer(3), /"result"/);
  assert.equal(house.agents.reaches(name, 'two'), false);
  clock.now += 61_000;
  bridge.say({ id: 4, method: 'ping' });
  await house.allowNext({ expiresAt: 0 });
  assert.match(await bridge.answer(4), /"result"/);
  house.agents.revoke(name);
  bridge.say({ id: 5, method: 'ping' });
  await until(() => house.authorization.pending().length === 1);
  house.authorization.deny(house.authorization.pending()[0]!.id);
  assert.match(await bridge.answer(5), /"error".*has not allowed this program/);
  clock.now += 11 * 60_000;
  for (const each of [bridge, twin]) each.child.stdin!.end();
  await Promise.all([bridge.ended(), twin.ended()]);
});

test('a claim is a process that runs, of this user, with a starter; a pass cannot be guessed; an address must be one', async () => {
  const code = async (input: object) => (await first(input)).error?.code;
  assert.equal(await code({ pid: 999_999_999, path: '/mcp' }), 'unavailable');
  assert.equal(await code({ pid: 1, path: '/mcp' }), 'bad-input');
  assert.equal(await code({ pid: process.pid, path: '/token' }), 'not-found');
  assert.equal(await code({ pid: process.pid, path: '/mcp', program: '/usr/bin/claude' }), 'bad-input', 'nobody says what its program is');
  assert.equal(await code({ pass: 'x'.repeat(43) }), 'denied');
});

test('a bridge is good for its address only', async () => {
  const bridge = startBridge(house.dataDir, '--server', 'none');
  bridge.say(hello());
  const { request } = await house.allowNext();
  assert.equal(request.server, 'none');
  assert.match(await bridge.answer(1), /"error".*There is no server \\"none\\" here/);
  bridge.child.stdin!.end();
  await bridge.ended();
});

test('on its connection no header makes a program another agent, opens another address or passes the guard', async () => {
  /** Says lines on one connection, each once the one before is answered. */
  const talk = async (...texts: string[]) => {
    const socket = connect(holderOf(house.dataDir, 'control')!.socket!);
    const heard: string[] = [];
    for (const text of texts) {
      socket.write(text);
      heard.push(await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk)))));
      // The question to the person comes before the answer.
      if (heard.at(-1)!.startsWith('{"waits"')) {
        await house.allowNext({ name: 'By hand' });
        heard.push(await new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(String(chunk)))));
      }
    }
    socket.destroy();
    return heard.at(-1)!;
  };
  const begin = (input: object) => `${JSON.stringify({ command: 'bridge', input })}\n`;
  const { value } = JSON.parse(await talk(begin({ pid: process.pid, path: '/mcp' }))) as { value: { pass: string; origin: string } };
  const { host } = new URL(value.origin);
  const body = JSON.stringify({ jsonrpc: '2.0', ...hello() });
  const post = (path: string, at: string) =>
    `POST ${path} HTTP/1.1\r\nhost: ${at}\r\nauthorization: Bearer ${house.token}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const pass = begin({ pass: value.pass });
  assert.match(await talk(pass, post('/mcp', host)), /^HTTP\/1\.1 200 /);
  assert.equal(house.gateway.openOf('Tester'), 0);
  assert.equal(house.gateway.openOf('By hand'), 1);
  assert.match(await talk(pass, post('/mcp/s/one', host)), /^HTTP\/1\.1 401 /);
  assert.match(await talk(pass, post('/mcp', 'evil.example')), /^HTTP\/1\.1 403 /);
  assert.match(await talk(begin({ pass: `${value.pass.slice(1)}x` })), /"denied"/);
});

test('a shell between does not count, an interpreter is known with its script, a starter that has gone is none', async () => {
  const processes = new Map<number, Process>([
    [10, { pid: 10, parent: 11, path: '/usr/bin/node' }],
    [11, { pid: 11, parent: 12, path: '/bin/bash' }],
    [12, { pid: 12, parent: 1, path: '/opt/Agent/agent' }],
    [20, { pid: 20, parent: 1, path: '/usr/bin/node' }],
  ]);
  const look = async (pid: number) => processes.get(pid);
  assert.deepEqual(await starterOf(10, look), { pid: 12, path: '/opt/Agent/agent' });
  assert.equal(await starterOf(20, look), undefined);
  assert.equal(await starterOf(30, look), undefined);
  const script = (path: string, args: string[], folder: string | undefined = '/work') => scriptOf(path, [path, ...args], folder, 'noon');
  assert.equal(script('/usr/bin/node', ['/a/codex.js', 'x']), '/a/codex.js');
  assert.equal(script('/usr/bin/claude', ['x']), undefined);
  // Code that is loaded before a known script, and a script of the same name in another folder, are not that script.
  assert.equal(script('/usr/bin/node', ['-r', '/a/codex.js', 'evil.js']), '-r /a/codex.js evil.js in /work');
  assert.equal(script('/usr/bin/node', ['codex.js']), '/work/codex.js');
  assert.equal(scriptOf('/usr/bin/node', ['node', 'codex.js'], undefined, 'noon'), 'codex.js (started noon)');
  const long = 'x'.repeat(5000);
  assert.notEqual(
    clientId({ pid: 1, path: '/usr/bin/node', script: `${long}a` }),
    clientId({ pid: 1, path: '/usr/bin/node', script: `${long}b` }),
  );
  assert.notEqual(clientId({ pid: 1, path: '/a/node b' }), clientId({ pid: 1, path: '/a/node', script: 'b' }));
  assert.notEqual(
    clientId({ pid: 1, path: '/usr/bin/node', script: '/a.js' }),
    clientId({ pid: 1, path: '/usr/bin/node', script: '/b.js' }),
  );
});

test('without its starter a bridge ends, also where somebody else holds its input open', unix, async (t) => {
  // The parent ends; the pipe stays open at this process.
  const script = `const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ${JSON.stringify([cli, 'bridge', '--data', house.dataDir])}, { stdio: 'inherit' });
    console.log(child.pid); process.on('SIGUSR2', () => process.exit(0));`;
  const parent = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => parent.stdin.end());
  const pid = Number(await new Promise((resolve) => parent.stdout.once('data', resolve)));
  const runs = () => {
    try {
      // A process that ended and that nobody waited for is still listed.
      return process.platform !== 'linux' || !/\) Z /.test(String(spawnSync('cat', [`/proc/${pid}/stat`]).stdout))
        ? process.kill(pid, 0)
        : false;
    } catch {
      return false;
    }
  };
  assert.ok(runs());
  parent.kill('SIGUSR2');
  await until(() => !runs());
});

const folder = (t: TestContext) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'gatehouse-foreign-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
};

test('what lies at the path of the socket is replaced, and a link is not followed', unix, async (t) => {
  const dataDir = folder(t);
  const target = join(folder(t), 'kept');
  writeFileSync(target, 'kept');
  symlinkSync(target, join(dataDir, 'control.sock'));
  const control = await openControl({ dataDir, log });
  control.attach(smallCore(), { 'window-open': async () => ({}) });
  assert.ok(existsSync(target));
  assert.ok(statSync(join(dataDir, 'control.sock')).isSocket());
  await control.close();
});

/** A program that listens where a host would, and is asked by a bridge. */
async function posing(t: TestContext, dataDir: string, path: string, answer: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  writeFileSync(join(dataDir, 'control.json'), JSON.stringify({ pid: process.pid, startedAt: '', socket: path }), { mode: 0o600 });
  const bridge = startBridge(dataDir);
  t.after(() => bridge.child.kill());
  bridge.say(hello());
  return bridge;
}

test('a bridge speaks to no socket behind a link, nor to one in a folder that others may enter', unix, async (t) => {
  const [dataDir, other] = [folder(t), folder(t)];
  let asked = 0;
  chmodSync(other, 0o755);
  const open = await posing(t, dataDir, join(other, 'a.sock'), () => asked++);
  assert.match(await open.answer(1), /not this user's own socket/);
  symlinkSync(join(other, 'a.sock'), join(dataDir, 'control.sock'));
  writeFileSync(join(dataDir, 'control.json'), JSON.stringify({ pid: 1, startedAt: '', socket: join(dataDir, 'control.sock') }));
  open.say(hello(2));
  assert.match(await open.answer(2), /not this user's own socket/);
  assert.equal(asked, 0);
});

test('a host that answers rubbish gets an error to the agent, and nothing of it goes on', unix, async (t) => {
  const rubbish: ((socket: Socket) => void)[] = [
    (socket) => socket.end('no json\n'),
    (socket) => socket.end('{"ok":true,"value":{"origin":"http://evil/\\r\\nx","pass":1}}\n'),
    (socket) => socket.end(`{"ok":false,"error":{"code":"nonsense","message":"${'m'.repeat(5000)}"}}\n`),
    (socket) => {
      socket.write('{"ok":true,"value":{"origin":"http://127.0.0.1:1","pass":"p"}}\n');
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n<html>evil\n{"jsonrpc":"2.0"}'));
    },
    (socket) => {
      socket.write('{"ok":true,"value":{"origin":"http://127.0.0.1:1","pass":"p"}}\n');
      socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: "evil"\n\ndata: [1]\n\n'));
    },
  ];
  for (const [index, answer] of rubbish.entries()) {
    const dataDir = folder(t);
    const bridge = await posing(t, dataDir, join(dataDir, 'control.sock'), answer);
    assert.match(await bridge.answer(1), /"error"/, `rubbish ${index}`);
    assert.equal(bridge.lines.length, 1);
    assert.doesNotMatch(bridge.lines[0]!, /evil/);
  }
});
