import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Failure } from '../../src/base/errors.ts';
import type { Outputs } from '../../src/contract/contract.ts';
import { serveSmall, smallCore } from '../headless/small-core.ts';
import { folder } from '../shell/folder.ts';
import { gatehouse } from './command.ts';

type Stated = Omit<Outputs['agents-policy'], 'agents'> | Failure;

async function running(t: TestContext, first: Stated) {
  const dataDir = folder(t);
  const root = folder(t);
  let answer = first;
  const core = smallCore({
    'agents-policy': () => {
      if (answer instanceof Failure) throw answer;
      return { ...answer, agents: [] };
    },
  });
  await serveSmall(t, dataDir, core);
  return {
    root,
    states(next: Stated) {
      answer = next;
    },
    run: (...args: string[]) => gatehouse(['agents', 'policy', ...args, '--data', dataDir]),
    with: (env: NodeJS.ProcessEnv, ...args: string[]) => gatehouse(['agents', 'policy', ...args, '--data', dataDir], { env }),
  };
}

const files = (folder: string) => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
const origin = 'http://127.0.0.1:4283';
const windows = process.platform === 'win32';

test('agents policy: shows the state, the change, writes it, and takes it back byte for byte', {
  skip: windows && 'the paths of Unix',
}, async (t) => {
  const { root, run, states } = await running(t, { origin });
  const unstated = await run('--root', root);
  assert.match(unstated.out, /^AGENT +HERE +STATE +FILE +WHY\nclaude-code +\S.* not stated +\S+managed-settings\.json/);
  const nothing = await run('--write', '--root', root);
  assert.deepEqual([nothing.code, files(root)], [6, []]);
  assert.match(nothing.err, /states nothing [\s\S]*org\.yaml/);

  states({ origin, otherServers: [{ name: 'wiki', url: 'https://wiki.example/mcp' }] });
  const codex = join(root, 'etc/codex/requirements.toml');
  if (process.platform === 'linux') {
    mkdirSync(join(root, 'etc/codex'), { recursive: true, mode: 0o755 });
    writeFileSync(codex, '# of IT\n', { mode: 0o644 });
  }
  const before = files(root).length;
  const diff = await run('codex', '--diff', '--root', root);
  assert.equal(diff.code, 0, diff.err);
  assert.match(diff.out, /^\+\[mcp_servers\.gatehouse\]$/m);
  assert.match(diff.out, /^\+identity = \{ url = \{ match = "prefix", value = "http:\/\/127\.0\.0\.1:4283\/" \} \}$/m);
  assert.equal(files(root).length, before, 'it only shows');

  const written = await run('--write', '--root', root);
  assert.equal(written.code, 0, written.err);
  const rows = JSON.parse((await run('--json', '--root', root)).out) as Outputs['agents-policy']['agents'];
  assert.deepEqual(
    rows.filter(({ state }) => state === 'in-force').map(({ id }) => id),
    ['claude-code', 'copilot', 'codex', 'gemini'],
  );
  assert.match((await run('--root', root)).err, /^gemini: .*--allowed-mcp-server-names/m);
  assert.match((await run('gemini', '--write', '--root', root)).out, /says so already/);

  // Who signed out can still take back what was written.
  states(new Failure('unavailable', "The company's rules are not here.", 'Sign in.'));
  assert.equal((await run('--root', root)).code, 7);
  const undone = await run('--undo', '--root', root);
  assert.equal(undone.code, 0, undone.err);
  assert.deepEqual(
    files(root).map(({ name }) => name),
    process.platform === 'linux' ? ['requirements.toml'] : [],
  );
  if (process.platform === 'linux') assert.equal(readFileSync(codex, 'utf8'), '# of IT\n');
});

test('agents policy --out: a tree for each system, into an empty folder alone', async (t) => {
  const { root, run } = await running(t, { origin, otherServers: [] });
  const out = join(root, 'out');
  const done = await run('--out', out);
  assert.equal(done.code, 0, done.err);
  assert.deepEqual(JSON.parse(readFileSync(join(out, 'windows/Program Files/ClaudeCode/managed-settings.json'), 'utf8')), {
    allowManagedMcpServersOnly: true,
    allowedMcpServers: [{ serverUrl: 'http://127.0.0.1:4283/*' }],
  });
  assert.deepEqual(JSON.parse(readFileSync(join(out, 'macos/Library/Application Support/GeminiCli/settings.json'), 'utf8')), {
    mcpServers: { gatehouse: { url: 'http://127.0.0.1:4283/mcp', type: 'http' } },
    mcp: { allowed: ['gatehouse'] },
  });
  assert.equal(files(out).length, 12);
  const again = await run('--out', out);
  assert.equal(again.code, 8);
  assert.match(again.err, /EEXIST[\s\S]*empty folder/);
});

test('agents policy: a host that says what a company cannot state is not believed, and odd command lines are refused', async (t) => {
  const { root, run, states } = await running(t, { origin, otherServers: [{ name: 'x', url: 'https://*.example/' }] });
  assert.equal((await run('--write', '--root', root)).code, 9);
  states({ origin: 'https://evil.example', otherServers: [] });
  assert.equal((await run('--write', '--root', root)).code, 9);
  assert.deepEqual(files(root), []);
  for (const args of [['--write', '--undo'], ['codex', '--out', root], ['--server', 'x'], ['--all'], ['a', 'b']])
    assert.equal((await run(...args)).code, 2, args.join(' '));
  assert.equal((await run('nobody', '--root', root)).code, 6);
  assert.equal((await gatehouse(['agents', 'list', '--diff'])).code, 2);
});

test('agents policy --check: believes what reaches a port before what an agent says', {
  skip: windows && 'the agent is a script',
}, async (t) => {
  const on = await running(t, { origin, otherServers: [] });
  const check = async (script: string, env: NodeJS.ProcessEnv = {}) => {
    const bin = folder(t);
    writeFileSync(join(bin, 'claude'), `#!${process.execPath}\n${script}`, { mode: 0o755 });
    return on.with({ PATH: bin, ...env }, 'claude-code', '--check');
  };
  const absent = await on.with({ PATH: folder(t) }, '--check');
  assert.equal(absent.code, 0, absent.err);
  assert.match(absent.out, /^Codex was not tried: its program is not on PATH\.$/m);

  const honest = await check("console.log('gatehouse: x');");
  assert.deepEqual([honest.code, honest.out], [0, 'Claude Code refused a server that the company does not allow.\n']);
  const liar = await check(`
    const { mcpServers } = JSON.parse(require('node:fs').readFileSync(process.env.HOME + '/.claude.json', 'utf8'));
    console.log('gatehouse: x');
    require('node:net').connect(new URL(mcpServers['not-allowed'].url).port, '127.0.0.1').on('close', () => process.exit()).on('error', () => {});
  `);
  assert.deepEqual([liar.code, liar.out], [9, 'Claude Code took a server that the company does not allow.\n']);
  assert.equal((await check("console.log('gatehouse: x\\nnot-allowed: y');")).code, 9);
  const odd = await check("console.log('\\u001b[31mwhat\\u001b[0m\\u0007');");
  assert.deepEqual([odd.code, odd.out], [7, 'Claude Code did not say which servers it takes: what .\n']);
  const told = await check('console.log(JSON.stringify(process.env));', {
    OPENAI_API_KEY: 'sk-mine',
    GEMINI_CLI_SYSTEM_SETTINGS_PATH: '/x',
  });
  assert.doesNotMatch(told.out, /sk-mine|GEMINI_CLI/);
  assert.equal((await check('', { SUDO_UID: '1000' })).code, 5);
});
