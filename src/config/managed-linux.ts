import { constants } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { asDocument, type ManagedRead, maxManagedBytes } from './managed.ts';

const places = ['/etc/gatehouse/managed.json', '/run/host/etc/gatehouse/managed.json'];

/**
 * Managed policy on Linux; the second place is the host's /etc seen from inside a Flatpak. The first that exists counts, as a whole.
 * What makes it policy is that only root can have written it: that is checked on the open descriptor, so that nobody swaps the file
 * between check and reading, and on its directory, where a swap would be done.
 */
export async function readManagedLinux(options: { files?: readonly string[]; owner?: number } = {}): Promise<ManagedRead> {
  const { files = places, owner = 0 } = options;
  for (const file of files) {
    const read = await readOne(file, owner);
    if (read.state !== 'absent') return read;
  }
  return { state: 'absent' };
}

async function readOne(file: string, owner: number): Promise<ManagedRead> {
  const malformed = (problem: string): ManagedRead => ({ state: 'malformed', where: file, problem: `${file} ${problem}` });
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    // O_NONBLOCK: a FIFO in its place must not hold us up.
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { state: 'absent' };
    if (code === 'ELOOP') return malformed('is a symbolic link; it must be a plain file.');
    return { state: 'failed', where: file, problem: `${file} could not be read (${code ?? 'unknown'}).` };
  }
  try {
    const stat = await handle.stat();
    const directory = await lstat(dirname(file));
    if (!stat.isFile()) return malformed('is not a plain file.');
    if (stat.uid !== owner || directory.uid !== owner) return malformed('and its directory must belong to root.');
    if ((stat.mode | directory.mode) & 0o022) return malformed('or its directory may be written to by others than root.');
    if (stat.size > maxManagedBytes) return malformed('is larger than 1 MiB.');
    return asDocument(file, await handle.readFile('utf8'));
  } catch (error) {
    return { state: 'failed', where: file, problem: `${file} could not be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).` };
  } finally {
    await handle.close();
  }
}
