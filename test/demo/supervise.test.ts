import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { supervise } from '../../src/demo/supervise.ts';
import { folder } from '../shell/folder.ts';

/** A host of three lines: says ready with its port, ends with its standard input, or fails as it is told. */
const host = `
const [mode, port] = process.argv.slice(2);
if (mode === 'fail') {
  process.stderr.write('a warning\\n' + JSON.stringify({ error: { code: 'conflict', message: 'Port 1 is taken.', fix: 'Choose another.' } }) + '\\n');
  process.exit(8);
}
process.on('SIGTERM', () => process.exit(143));
process.stdin.on('end', () => process.exit(0)).resume();
const at = 'http://127.0.0.1:' + (port ?? 4000);
console.log(JSON.stringify({ ready: true, mcp: at + '/mcp', ui: at + '/', pid: process.pid }));`;

const gone = async (pid: number) => {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((done) => setTimeout(done, 10));
  }
};

function fixture(t: Parameters<typeof folder>[0]) {
  const file = join(folder(t), 'host.mjs');
  writeFileSync(file, host);
  const said: string[] = [];
  const waiting: { pattern: RegExp; done(): void }[] = [];
  const say = (text: string) => {
    said.push(text);
    for (const waiter of waiting) if (waiter.pattern.test(text)) waiter.done();
  };
  const heard = (pattern: RegExp) =>
    new Promise<void>((done) => {
      if (said.some((text) => pattern.test(text))) done();
      else waiting.push({ pattern, done });
    });
  return { command: [process.execPath, file], env: process.env, say, said, heard };
}

test('a host that is killed comes back at the same address, and ends with close', async (t) => {
  const { said, heard, ...base } = fixture(t);
  const supervised = await supervise({ ...base, argsFor: (before) => ['run', before === undefined ? '4000' : new URL(before.mcp).port] });
  assert.equal(supervised.ready.mcp, 'http://127.0.0.1:4000/mcp');
  process.kill(supervised.ready.pid, 'SIGKILL');
  await heard(/The host is back/);
  assert.match(said.join('\n'), /The host died \(SIGKILL\)/);
  const pid = Number(/process (\d+)/.exec(said.at(-1)!)![1]);
  await supervised.close();
  await gone(pid);
  assert.equal(await supervised.ended, undefined);
});

test('a host that was asked to end is not started again', async (t) => {
  const { said, heard: _, ...base } = fixture(t);
  const supervised = await supervise({ ...base, argsFor: () => ['run'] });
  process.kill(supervised.ready.pid, 'SIGTERM');
  assert.match((await supervised.ended)!.message, /asked to end \(exit code 143\)/);
  assert.deepEqual(said, []);
});

test('a host that cannot start hands on why, and what else it said', async (t) => {
  const { said, heard: _, ...base } = fixture(t);
  await assert.rejects(supervise({ ...base, argsFor: () => ['fail'] }), {
    name: 'Failure',
    code: 'conflict',
    message: 'Port 1 is taken.',
    fix: 'Choose another.',
  });
  assert.deepEqual(said, ['a warning']);
});

test('when the supervisor is killed with kill -9, the host ends too', { skip: process.platform === 'win32' }, async (t) => {
  const { command, said: _, heard: __ } = fixture(t);
  const script = `
    import { supervise } from ${JSON.stringify(new URL('../../src/demo/supervise.ts', import.meta.url).href)};
    const one = await supervise({ command: ${JSON.stringify(command)}, argsFor: () => ['run'], env: process.env, say() {} });
    process.stdout.write(String(one.ready.pid));`;
  const supervisor = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [text] = (await once(supervisor.stdout, 'data')) as [Buffer];
  supervisor.kill('SIGKILL');
  await gone(Number(text.toString()));
});
