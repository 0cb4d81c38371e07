import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { startDemo } from '../support/demo.ts';

const readme = readFileSync('README.md', 'utf8');
/** The lines of the README's shell examples that begin with a command of ours, without their remarks. Where a service has to be named, or has the demo's usual port, there is none here. */
const written = [...readme.matchAll(/^(npx gatehouse .*?)(?:\s+#.*)?$/gm)]
  .map(([, line]) => line!.trim())
  .filter((line) => !/\b(DIR|URL)\b|policy bless/.test(line));

/** A checkout of its own with the same dependencies, so that building it disturbs nobody. */
function checkout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-readme-'));
  for (const part of ['src', 'electron', 'renderer', 'resources', 'package.json', 'package-lock.json', 'vite.config.ts', 'tsconfig.json'])
    cpSync(part, join(folder, part), { recursive: true });
  cpSync('tsconfig.base.json', join(folder, 'tsconfig.base.json'));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return folder;
}

test('after every build the README’s commands run as they are written', { timeout: 180_000 }, async () => {
  const folder = checkout();
  const build = () => {
    const done = spawnSync(process.execPath, ['src/setup.mjs', 'build'], { cwd: folder, encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
  };
  // Agents are connected, too: not those of whoever runs the tests.
  const home = mkdtempSync(join(tmpdir(), 'gatehouse-readme-home-'));
  const demo = await startDemo({ account: 'engineer', env: { HOME: home, USERPROFILE: home, CODEX_HOME: '', XDG_CONFIG_HOME: '' } });
  try {
    build();
    chmodSync(join(folder, 'dist/main/cli.js'), 0o644);
    build();
    assert.ok(written.length >= 7, written.join('\n'));
    // By the path of whoever types it: `npx` and the program's own first line find their Node there.
    const env = { ...process.env, GATEHOUSE_DATA: demo.dataDir, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
    for (const line of written) {
      const { code, said } = await run(line, folder, env);
      // A call that the rules refuse is told as such; nothing else may go wrong.
      assert.ok(code === 0 || code === 5, `${line}: exit ${code}\n${said}`);
    }
  } finally {
    await demo.stop();
    for (const made of [folder, home]) rmSync(made, { recursive: true, force: true });
  }
});

const run = (line: string, cwd: string, env: NodeJS.ProcessEnv) =>
  new Promise<{ code: number; said: string }>((settle) => {
    execFile('sh', ['-c', line], { cwd, env, timeout: 30_000 }, (error, stdout, stderr) =>
      settle({ code: error ? Number(error.code ?? -1) : 0, said: stdout + stderr }),
    );
  });
