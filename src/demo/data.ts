import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';

// Says that a folder was begun by the demo, so that --reset never deletes anything else.
const marker = '.gatehouse-demo';
// The locks are held during a reset: deleting them would let a second start in. The log is open, and tells what happened before.
const ours = /^((demo|control)\.(lock|json)(-journal)?|logs)$/;

/** Empties a demo's data folder. Refuses one that the demo did not begin. The caller holds its locks. */
export function resetData(dataDir: string): void {
  const names = readdirSync(dataDir).filter((name) => !ours.test(name));
  if (names.length === 0) return;
  if (!names.includes(marker)) {
    throw new Failure(
      'conflict',
      `${dataDir} was not made by the demo, so --reset leaves it alone.`,
      'Choose another folder with --data DIR, or empty it yourself.',
    );
  }
  for (const name of names) rmSync(join(dataDir, name), { recursive: true, force: true });
}

/** The demo's own part of the folder: the files that the filesystem server shows, state of its servers, a key for the host's vault. */
export function prepareData(dataDir: string, demoFiles: string): { files: string; state: string; vaultKey: string } {
  if (readdirSync(dataDir).every((name) => ours.test(name))) writeFileSync(join(dataDir, marker), '');
  const [files, state] = [join(dataDir, 'files'), join(dataDir, 'demo-state')];
  if (!existsSync(files)) {
    if (existsSync(demoFiles)) cpSync(demoFiles, files, { recursive: true });
    else mkdirSync(files);
  }
  mkdirSync(state, { recursive: true });
  // A demo has no real secrets: its vault key in a private file spares the person a keychain dialog, and a sign-in outlives a restart.
  const keyFile = join(dataDir, 'demo-vault.key');
  if (!existsSync(keyFile)) writeFileSync(keyFile, randomBytes(32).toString('base64url'), { mode: 0o600 });
  return { files, state, vaultKey: readFileSync(keyFile, 'utf8').trim() };
}
