import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outputs } from '../../src/contract/contract.ts';
import { serveSmall, smallCore } from '../headless/small-core.ts';
import { folder } from '../shell/folder.ts';
import { gatehouse } from './command.ts';

test('agents scan: what stands beside the gate, what could not be read, and what is not known', async (t) => {
  const dataDir = folder(t);
  let found: Outputs['agents-scan'] = { servers: [], unread: [], files: 3, compared: true, moved: [] };
  await serveSmall(t, dataDir, smallCore({ 'agents-scan': () => found }));
  const run = (...args: string[]) => gatehouse(['agents', 'scan', ...args, '--data', dataDir]);
  const none = await run();
  assert.deepEqual(
    [none.code, none.out.trim(), none.err],
    [0, 'No server beside the gate stands in the 3 files of agents that could be read.', ''],
  );
  const at = { id: 'cursor', title: 'Cursor', file: '/home/ada/.cursor/mcp.json' };
  found = {
    servers: [
      { ...at, name: 'wiki', target: 'https://wiki.example/mcp', secrets: [], equivalent: { id: 'docs', title: 'Docs' } },
      { ...at, name: 'evil\u001b[2J', target: 'npx -y x', secrets: [{ where: 'env', name: 'API_KEY' }], off: true },
    ],
    unread: [{ id: 'codex', title: 'Codex', file: '/home/ada/.codex/config.toml', why: 'config.toml is not TOML that can be read.' }],
    files: 3,
    compared: true,
    moved: [],
  };
  const some = await run();
  assert.equal(some.code, 0, some.err);
  assert.match(some.out, /cursor +wiki +docs +https:\/\/wiki\.example\/mcp/);
  assert.match(some.out, /cursor +evil \(off\) +- +env API_KEY +npx -y x/);
  assert.ok(!some.out.includes('\u001b'));
  assert.match(some.err, /codex: config\.toml is not TOML.* What stands in it is not known\./);
  assert.deepEqual(JSON.parse((await run('--json')).out), found);
  found = { ...found, compared: false };
  const unsure = await run();
  assert.match(unsure.out, /cursor +wiki +\? /);
  assert.match(unsure.err, /not known which of these are blessed/);
  assert.equal((await run('cursor')).code, 2);
});

test('agents move: shows the change, moves what was shown, and says how it is put back', async (t) => {
  const dataDir = folder(t);
  const asked: unknown[] = [];
  const equivalent = { id: 'docs', title: 'Docs' };
  const at = { title: 'Cursor', file: '/home/ada/.cursor/mcp.json', equivalent };
  await serveSmall(
    t,
    dataDir,
    smallCore({
      'shadow-move-preview': (input: unknown) => {
        asked.push(input);
        return { ...at, diff: '--- a\n+++ a\n-    "wiki": …\n', planned: 'f'.repeat(64) };
      },
      'shadow-move': (input: unknown) => {
        asked.push(input);
        return { ...at, move: '0123456789abcdef', name: 'wi/ki' };
      },
      'shadow-request': (input: unknown) => {
        asked.push(input);
        return { id: 'REQ-7' };
      },
      'shadow-put-back': () => ({ title: 'Cursor', file: at.file, name: 'wi/ki', restored: 'whole' }),
    }),
  );
  const run = (...args: string[]) => gatehouse(['agents', ...args, '--data', dataDir]);
  const shown = await run('move', 'cursor/wi/ki', '--preview');
  assert.match(shown.out, /^- {4}"wiki": …$/m);
  assert.deepEqual(asked.splice(0), [{ id: 'cursor', name: 'wi/ki' }]);
  const done = await run('move', 'cursor/wi/ki');
  assert.deepEqual(asked, [
    { id: 'cursor', name: 'wi/ki' },
    { id: 'cursor', name: 'wi/ki', planned: 'f'.repeat(64) },
  ]);
  assert.match(done.out, /has docs through the gateway.*put-back 0123456789abcdef/);
  assert.match(done.err, /"wiki"/);
  assert.match((await run('put-back', '0123456789abcdef')).out, /is as it was before/);
  assert.match((await run('ask', 'cursor/wi/ki', '--reason', 'Daily work')).out, /request REQ-7/);
  assert.deepEqual(asked.at(-1), { id: 'cursor', name: 'wi/ki', reason: 'Daily work' });
  assert.equal((await run('ask', 'cursor/wiki')).code, 2);
  assert.equal((await run('move', 'cursor')).code, 2);
});
