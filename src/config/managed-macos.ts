import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { asDocument, type ManagedRead, maxManagedBytes } from './managed.ts';
import type { Run } from './run.ts';

export const preferenceDomain = 'com.example.gatehouse';

/**
 * Managed policy on macOS, as the MDM client lays it down: for the user, else for the machine, as a whole (the system has merged the
 * machine's into the user's). Read from the files, not through NSUserDefaults: there a user's own `defaults write` looks the same as a
 * forced value. Only root writes below this directory, which is checked again here.
 */
export async function readManagedMacos(options: { run: Run; user: string; directory?: string; owner?: number }): Promise<ManagedRead> {
  const { run, user, directory = '/Library/Managed Preferences', owner = 0 } = options;
  const name = `${preferenceDomain}.plist`;
  // A user name is one path segment, or it is not looked for.
  const files = [...(/^[^/\0]+$/.test(user) && !/^\.{1,2}$/.test(user) ? [join(directory, user, name)] : []), join(directory, name)];
  for (const file of files) {
    const read = await readOne(run, file, owner);
    if (read.state !== 'absent') return read;
  }
  return { state: 'absent' };
}

async function readOne(run: Run, file: string, owner: number): Promise<ManagedRead> {
  const malformed = (problem: string): ManagedRead => ({ state: 'malformed', where: file, problem: `${file} ${problem}` });
  const failed = (why: string): ManagedRead => ({ state: 'failed', where: file, problem: `${file} could not be read (${why}).` });
  try {
    const stat = await lstat(file);
    if (!stat.isFile()) return malformed('is not a plain file.');
    if (stat.uid !== owner || stat.mode & 0o022) return malformed('must belong to root and be written to by nobody else.');
    if (stat.size > maxManagedBytes) return malformed('is larger than 1 MiB.');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    return code === 'ENOENT' || code === 'ENOTDIR' ? { state: 'absent' } : failed(code);
  }
  // XML and binary plists alike. It refuses dates and data, which no setting has.
  const result = await run('/usr/bin/plutil', ['-convert', 'json', '-o', '-', file]);
  if (result.code === undefined) return failed('plutil does not run');
  return result.code === 0 ? asDocument(file, result.stdout) : malformed('is not a property list that plutil can read.');
}
