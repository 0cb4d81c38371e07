// The conformance suites: large, and of no use to the product, so they are installed when they are first wanted, into a cache of their own.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const cache = process.env.GATEHOUSE_TEST_CACHE ?? join(root, 'node_modules', '.cache', 'gatehouse');
const name = '@modelcontextprotocol/conformance';

/** The folder of exactly this version; throws where it cannot be had. */
export function conformancePackage(version) {
  const home = join(cache, `conformance-${version}`);
  const folder = join(home, 'node_modules', ...name.split('/'));
  if (versionIn(folder) === version) return folder;
  mkdirSync(cache, { recursive: true });
  // Installed beside and moved into place whole: two runs at once, or one that is killed, leave nothing half done.
  const fresh = mkdtempSync(join(cache, 'installing-'));
  try {
    writeFileSync(join(fresh, 'package.json'), '{"private":true}');
    const args = ['install', '--prefix', fresh, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`];
    const done = spawnSync('npm', args, { cwd: fresh, encoding: 'utf8', shell: process.platform === 'win32', timeout: 120_000 });
    if (done.status !== 0) throw new Error(`${name}@${version} cannot be installed: ${(done.stderr ?? '').trim().split('\n')[0] ?? ''}`);
    rmSync(home, { recursive: true, force: true });
    try {
      renameSync(fresh, home);
    } catch (error) {
      if (versionIn(folder) !== version) throw error;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

function versionIn(folder) {
  const file = join(folder, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : undefined;
}
