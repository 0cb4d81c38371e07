import { chmodSync, lstatSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { Failure } from '../base/errors.ts';

/** Where state lies when nobody says otherwise: the platform's own place for it, unless GATEHOUSE_DATA names another. */
export function defaultDataDir(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home = homedir(),
): string {
  if (env.GATEHOUSE_DATA) return resolve(env.GATEHOUSE_DATA);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Gatehouse');
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), 'Gatehouse');
  // The XDG specification says that a relative path there is invalid and must be ignored.
  const base = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local', 'share');
  return join(base, 'gatehouse');
}

/**
 * Makes the folder (0700) or accepts one that is ours. What lies in it is trusted afterwards (settings, socket, ledger), so a
 * folder that somebody else owns or may write to is refused; one that others may merely read is closed to them.
 */
export function openPrivateDir(dir: string): string {
  const path = resolve(dir);
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Failure('bad-input', `The data folder ${path} cannot be made.`, 'Choose another with --data DIR or GATEHOUSE_DATA.', {
      cause,
    });
  }
  const stat = statSync(path);
  if (!stat.isDirectory()) throw new Failure('bad-input', `${path} is not a folder.`, 'Choose another with --data DIR or GATEHOUSE_DATA.');
  // Windows: the profile folder's ACL does this; uid and mode mean nothing there.
  if (process.getuid === undefined) return path;
  // A link that somebody else made (in /tmp anybody may) leads to a folder of ours now and to one of theirs a moment later.
  if (stat.uid !== process.getuid() || ![process.getuid(), 0].includes(lstatSync(path).uid)) {
    throw new Failure('conflict', `The data folder ${path} belongs to another user.`, 'Choose a folder of your own with --data DIR.');
  }
  if (stat.mode & 0o022) {
    throw new Failure(
      'conflict',
      `The data folder ${path} may be written to by other users.`,
      `Check what is in it, then run: chmod 700 '${path}'`,
    );
  }
  if (stat.mode & 0o077) chmodSync(path, 0o700);
  return path;
}
