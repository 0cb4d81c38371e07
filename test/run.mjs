// Runs everything: types, Biome, knip, then the tests in groups, and closes with one line: N passed, N failed.
// Options: --only GROUP (static, unit, interop, web), and file paths to run just those.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
process.chdir(root);
process.env.ELECTRON_OVERRIDE_DIST_PATH ??= '/nonexistent';
const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } });

const total = { passed: 0, failed: 0, skipped: 0 };

function check(name, script, args) {
  const started = performance.now();
  const done = spawnSync(process.execPath, [join('node_modules', script), ...args], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  const ok = done.status === 0;
  total[ok ? 'passed' : 'failed']++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${seconds(started)})`);
  if (!ok) console.log(`${done.stdout}${done.stderr}`.trim());
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

async function tests(files, concurrency) {
  const perFile = new Map();
  const started = performance.now();
  for await (const { type, data } of run({ files, concurrency, timeout: 240_000, forceExit: false, execArgv: ['--test-force-exit'] })) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // Node reports each file as a test of its own; only its failure to load says something new.
    const isFile =
      data.file === undefined || data.name === data.file || files.includes(data.name) || files.includes(relative(root, data.name));
    const file = relative(root, data.file ?? data.name);
    const counts = perFile.get(file) ?? perFile.set(file, { passed: 0, failed: 0, skipped: 0, ms: 0 }).get(file);
    if (data.nesting === 0 && !isFile) counts.ms += data.details?.duration_ms ?? 0;
    if (data.details?.type === 'suite') continue;
    if (isFile && type === 'test:pass') continue;
    if (isFile && counts.failed > 0) continue;
    if (data.skip !== undefined) {
      counts.skipped++;
      console.log(`skip ${file}: ${data.name}${typeof data.skip === 'string' ? ` (${data.skip})` : ''}`);
    } else if (type === 'test:pass') counts.passed++;
    else {
      counts.failed++;
      const error = data.details?.error;
      console.log(`FAIL ${file}: ${data.name}\n${error?.cause?.stack ?? error?.stack ?? error}`);
    }
  }
  for (const [file, counts] of [...perFile].sort()) {
    const failed = counts.failed ? `, ${counts.failed} failed` : '';
    console.log(`${failed ? 'FAIL' : 'ok  '} ${file}: ${counts.passed} passed${failed} (${(counts.ms / 1000).toFixed(1)} s)`);
    for (const key of ['passed', 'failed', 'skipped']) total[key] += counts[key];
  }
  console.log(`     ${files.length} files in ${seconds(started)}`);
}

/** An installed Chromium, else Debian's package where we may install it, else Playwright's own download. */
function chromium() {
  const configured = process.env.GATEHOUSE_CHROMIUM;
  if (configured && existsSync(configured)) return configured;
  const findInstalled = () =>
    ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
      .flatMap((name) => (process.env.PATH ?? '').split(':').map((folder) => join(folder, name)))
      .find(existsSync);
  const installed = findInstalled();
  if (installed) return installed;
  if (existsSync('/etc/debian_version') && process.getuid?.() === 0) {
    console.log('     no Chromium here: installing the package "chromium" ...');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], { stdio: 'ignore', env });
    if (findInstalled()) return findInstalled();
  }
  spawnSync(process.execPath, [join('node_modules', 'playwright', 'cli.js'), 'install', 'chromium'], { stdio: 'ignore', timeout: 300_000 });
  const out = spawnSync(process.execPath, ['-e', "import('playwright').then(({chromium})=>console.log(chromium.executablePath()))"], {
    encoding: 'utf8',
  }).stdout.trim();
  return existsSync(out) ? out : undefined;
}

const wanted = (group) => positionals.length === 0 && (values.only === undefined || values.only === group);
const groups = {
  web: globSync('test/web/**/*.test.ts'),
  interop: globSync(['test/interop/**/*.test.ts', 'test/electron/**/*.test.ts']),
};
groups.unit = globSync('test/**/*.test.ts').filter((file) => !groups.web.includes(file) && !groups.interop.includes(file));

if (wanted('static')) {
  check('types', 'typescript/bin/tsc', ['-b', '--pretty', 'false']);
  check('biome', '@biomejs/biome/bin/biome', ['check', '--diagnostic-level=warn', '.']);
  check('knip', 'knip/bin/knip.js', ['--no-progress']);
}
if (wanted('unit')) await tests(groups.unit.sort(), Math.max(2, cpus().length));
if (wanted('interop') || positionals.some((file) => file.startsWith('test/electron'))) {
  const { desktopPrograms } = await import('./electron/program.mjs');
  const programs = await desktopPrograms();
  if (typeof programs !== 'string') {
    process.env.GATEHOUSE_DESKTOP_SEALED = programs.sealed;
    process.env.GATEHOUSE_DESKTOP_DRIVEN = programs.driven;
  } else if (process.platform === 'linux' && process.arch === 'x64') {
    console.log(`FAIL desktop: ${programs}`);
    total.failed++;
  } else console.log(`     desktop: ${programs}`);
}
if (positionals.length > 0) await tests(positionals, 1);
if (wanted('interop') && groups.interop.length > 0) await tests(groups.interop.sort(), 1);
if (wanted('web') || positionals.some((file) => file.startsWith('test/web'))) {
  const browser = chromium();
  if (browser) process.env.GATEHOUSE_CHROMIUM = browser;
  else {
    console.log(
      'FAIL web: no Chromium can be had here. Install one (package "chromium" or Google Chrome), or name its path in GATEHOUSE_CHROMIUM.',
    );
    total.failed++;
  }
  if (browser && positionals.length === 0 && groups.web.length > 0) await tests(groups.web.sort(), 1);
}
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`);
process.exit(total.failed > 0 ? 1 : 0);
