// `gatehouse servers secret`: the value comes from standard input or a terminal without echo, and is printed nowhere.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { Failure } from '../../src/base/errors.ts';
import type { SecretRow } from '../../src/contract/servers.ts';
import { serveSmall, smallCore } from '../headless/small-core.ts';
import { folder } from '../shell/folder.ts';
import { detail } from '../web/scene-servers.ts';
import { entry, gatehouse } from './command.ts';

const value = 'wrench-4821 "hollow" $sparrow';

async function running(t: TestContext) {
  const dataDir = folder(t);
  const got: unknown[] = [];
  const secret = (change: Partial<SecretRow>): SecretRow => ({
    name: 'X-Api-Key',
    description: 'From \u001b[31myour\u001b[0m profile',
    required: true,
    goesTo: 'https://a.example',
    place: 'place-1',
    state: 'missing',
    ...change,
  });
  const core = smallCore({
    'server-secret-set'(input) {
      if (input['value'] === 'abc') throw new Failure('bad-input', 'That cannot be the value of X-Api-Key.', 'Copy it again.');
      got.push(input);
      return {};
    },
    'server-secret-clear'(input) {
      got.push(input);
      return {};
    },
    'server-get': ({ server }) => ({
      ...detail(String(server)),
      state: 'needs-secret',
      error: 'it needs X-Api-Key',
      secrets: [secret({}), secret({ name: 'other', required: false, state: 'set' })],
    }),
  });
  await serveSmall(t, dataDir, core);
  return { dataDir, got, run: (args: string[], input = '') => gatehouse([...args, '--data', dataDir], { input }) };
}

test('from standard input, less the end of its line', async (t) => {
  const { run, got } = await running(t);
  const set = await run(['servers', 'secret', 'set', 'crm', 'X-Api-Key'], `${value}\n`);
  assert.deepEqual(set, { code: 0, out: 'X-Api-Key is in the vault; the next call to crm uses it.\n', err: '' });
  assert.deepEqual(got, [{ server: 'crm', name: 'X-Api-Key', value, place: 'place-1' }]);
  assert.equal((await run(['servers', 'secret', 'set', 'crm', 'X-Api-Key', '--json'], `${value}\r\n`)).out, '{}\n');
  assert.deepEqual(got[1], got[0]);
  assert.deepEqual(await run(['servers', 'secret', 'clear', 'crm', 'X-Api-Key']), {
    code: 0,
    out: 'X-Api-Key of crm is removed.\n',
    err: '',
  });
  assert.deepEqual(got[2], { server: 'crm', name: 'X-Api-Key' });
});

test('nothing, too much, a refusal, and a value as an argument are errors that do not quote it', async (t) => {
  const { run, got } = await running(t);
  for (const [input, words] of [
    ['', /No value was given/],
    ['\n', /No value was given/],
    ['x'.repeat(70_000), /too long/],
    ['abc', /cannot be the value/],
  ] as const) {
    const said = await run(['servers', 'secret', 'set', 'crm', 'X-Api-Key'], input);
    assert.deepEqual([said.code, said.out], [2, '']);
    assert.match(said.err, words);
  }
  const argument = await run(['servers', 'secret', 'set', 'crm', 'X-Api-Key', 'hunter2-hunter2']);
  assert.equal(argument.code, 2);
  assert.ok(!argument.err.includes('hunter2'), argument.err);
  for (const args of [
    ['secret', 'set'],
    ['secret', 'set', 'crm'],
    ['secret', 'show', 'crm', 'X'],
    ['crm', 'more'],
  ])
    assert.equal((await run(['servers', ...args])).code, 2, args.join(' '));
  assert.deepEqual(got, []);
});

test('the server’s own page on the command line says what is missing and how to enter it', async (t) => {
  const { run } = await running(t);
  const { out } = await run(['servers', 'crm']);
  assert.match(out, /^State +needs-secret$/m);
  assert.match(out, /^X-Api-Key +missing +required +From your profile$/m);
  assert.match(out, /^other +set +optional/m);
  assert.match(out, /gatehouse servers secret set crm X-Api-Key/);
});

const noTerminal =
  spawnSync('script', ['--version']).status === 0 && process.platform === 'linux' ? false : 'no "script" of util-linux here';

test('on a terminal it is not echoed; Backspace corrects, Ctrl-C gives up', { skip: noTerminal }, async (t) => {
  const { dataDir, got } = await running(t);
  const type = async (keys: string) => {
    const command = [process.execPath, entry, 'servers', 'secret', 'set', 'crm', 'X-Api-Key', '--data', dataDir].map((word) => `'${word}'`);
    const child = spawn('script', ['-qfec', command.join(' '), '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!shown.includes('Value (') && `${shown}${text}`.includes('Value (')) setTimeout(() => child.stdin.write(keys), 200);
      shown += text;
    });
    const [code] = await once(child, 'close');
    return { code, shown };
  };
  const good = await type('hunter2-hunter3\u007f2\r');
  assert.equal(good.code, 0, good.shown);
  assert.deepEqual(got, [{ server: 'crm', name: 'X-Api-Key', value: 'hunter2-hunter2', place: 'place-1' }]);
  assert.ok(!good.shown.includes('hunter'), good.shown);
  assert.match(good.shown, /It goes to https:\/\/a\.example\. Value/);
  const given = await type('hunter2\u0003');
  assert.equal(given.code, 2);
  assert.match(given.shown, /Nothing was changed/);
  assert.equal(got.length, 1);
});
