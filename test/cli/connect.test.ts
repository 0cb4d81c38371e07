import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { claudeDesktop } from '../../src/agents/clients/programs/claude-desktop.ts';
import { codex } from '../../src/agents/clients/programs/codex.ts';
import { cursor } from '../../src/agents/clients/programs/cursor.ts';
import type { AgentDetected } from '../../src/contract/agents.ts';
import { folder } from '../shell/folder.ts';
import { fileIn, usedFile } from '../support/homes.ts';
import { entry, gatehouse } from './command.ts';

/** A host as `gatehouse serve` runs it, in a home of its own. */
async function hostIn(t: TestContext) {
  const home = folder(t);
  const dataDir = join(home, 'gatehouse-data');
  const { GATEHOUSE_DATA: _, CODEX_HOME: _codex, XDG_CONFIG_HOME: _xdg, ...outside } = process.env;
  const env = { ...outside, HOME: home, USERPROFILE: home, APPDATA: join(home, 'AppData', 'Roaming'), PATH: join(home, 'bin') };
  const child = spawn(process.execPath, [entry, 'serve', '--json', '--no-ui', '--data', dataDir, '--port', '0'], {
    env: { ...env, GATEHOUSE_VAULT: 'memory' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const said = text(child.stderr);
  await Promise.race([once(createInterface({ input: child.stdout }), 'line'), said.then((err) => assert.fail(err))]);
  const run = (...args: string[]) => gatehouse([...args, '--data', dataDir], { env });
  const rows = async () => JSON.parse((await run('connect', '--json')).out) as AgentDetected[];
  return { home, dataDir, run, rows, machine: { home, env, platform: process.platform } };
}

test('connect: shows what is here, previews, writes, proves, and disconnect puts all back', async (t) => {
  const { run, rows, machine } = await hostIn(t);
  const none = await run('connect');
  assert.equal(none.code, 0, none.err);
  assert.match(none.out, /^Not found here: claude-code, claude-desktop, vscode/);
  const text = usedFile('toml', 'mcp_servers');
  const file = fileIn(codex.config, machine, text);
  fileIn(cursor.config, machine, '{');
  assert.match((await run('connect')).out, /AGENT +STATE +FILE +WHY\ncursor +not connected .*not JSON.*\ncodex +not connected /);

  const shown = await run('connect', 'codex', '--preview');
  assert.match(shown.out, /^--- .*config\.toml\n[\s\S]*\+\[mcp_servers\.gatehouse\]/);
  assert.doesNotMatch(shown.out, /gha_|sk-other/);
  assert.equal(readFileSync(file, 'utf8'), text);

  const done = await run('connect', 'codex');
  assert.equal(done.code, 0, done.err);
  assert.match(
    done.out,
    /^Codex is connected: "gatehouse" in .*config\.toml, tried with its token, shows 0 tools\. Restart it if it is running\.\n$/,
  );
  assert.doesNotMatch(done.out + done.err, /gha_|sk-other/);
  assert.equal((await rows()).find(({ id }) => id === 'codex')!.state, 'connected');
  assert.match((await run('connect', 'codex')).out, /was connected already/);
  assert.match((await run('agents', 'list')).out, /Codex +active .* gatehouse /);

  const undone = await run('disconnect', 'codex');
  assert.match(undone.out, /is as it was before\. Its token no longer works\.\n$/);
  assert.equal(readFileSync(file, 'utf8'), text);
  assert.equal((await run('disconnect', 'codex')).code, 6);
});

test('connect --all: one that cannot be written keeps none of the others from it; disconnect --all', async (t) => {
  const { run, machine } = await hostIn(t);
  const broken = fileIn(cursor.config, machine, '{');
  const file = fileIn(codex.config, machine, '');
  mkdirSync(join(machine.home, '.junie'));
  const all = await run('connect', '--all', '--json');
  assert.equal(all.code, 8);
  const results = JSON.parse(all.out) as { id: string; error?: { code: string } }[];
  assert.deepEqual(
    results.map(({ id, error }) => [id, error?.code]),
    [
      ['cursor', 'conflict'],
      ['codex', undefined],
      ['jetbrains', undefined],
    ],
  );
  assert.equal(readFileSync(broken, 'utf8'), '{');
  writeFileSync(broken, '{}');
  assert.equal((await run('connect', '--all')).code, 0);
  const gone = await run('disconnect', '--all');
  assert.deepEqual([gone.code, gone.out.trim().split('\n').length], [0, 3]);
  assert.deepEqual([readFileSync(broken, 'utf8'), readFileSync(file, 'utf8')], ['{}', '']);
  assert.match((await run('disconnect', '--all')).out, /No agent was connected/);
});

test('an agent that starts programs only gets the bridge, which leads to this host, and no token', async (t) => {
  const { run, rows, machine, dataDir } = await hostIn(t);
  const file = fileIn(claudeDesktop.config, machine, '{ "mcpServers": {} }');
  const done = await run('connect', 'claude-desktop');
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /leads here, without a token\. Restart it if it is running\. Allow it when it asks/);
  const { gatehouse: entry } = JSON.parse(readFileSync(file, 'utf8')).mcpServers;
  assert.deepEqual(entry.args.slice(-3), ['bridge', '--data', dataDir]);
  assert.doesNotMatch(readFileSync(file, 'utf8'), /gha_/);
  assert.equal((await rows()).find(({ id }) => id === 'claude-desktop')!.state, 'connected');

  // What stands in the file, started by somebody: the host asks its person.
  const child = spawn(entry.command, entry.args, { stdio: ['pipe', 'ignore', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
  let said = '';
  for await (const text of child.stderr.setEncoding('utf8')) if (/allow \w{3}-\w{3} in Gatehouse/.test((said += text))) break;
  assert.match((await run('agents', 'requests')).out, /[A-Z0-9]{3}-[A-Z0-9]{3}/);
  assert.match((await run('disconnect', 'claude-desktop')).out, /Where you allowed it, that stays until you revoke it/);
  assert.equal(readFileSync(file, 'utf8'), '{ "mcpServers": {} }');
});

test('connect and disconnect say how they are meant', async (t) => {
  const { run } = await hostIn(t);
  for (const args of [
    ['connect', '--all', 'codex'],
    ['connect', '--preview'],
    ['connect', '--all', '--oauth'],
    ['connect', 'cursor', '--oauth'],
    ['connect', 'codex', '--name', '1 2'],
    ['disconnect'],
    ['disconnect', 'codex', '--all'],
  ]) {
    const { code, out } = await run(...args);
    assert.deepEqual([code, out], [2, ''], args.join(' '));
  }
  const unknown = await run('connect', 'emacs');
  assert.equal(unknown.code, 6);
  assert.match(unknown.err, /One of: claude-code, /);
});
