import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Replaces a file in one step (write beside, fsync, rename), readable by the user alone: after a crash there is the old content or the
 * new, never half of one.
 */
export async function replaceFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.new`;
  const handle = await open(next, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, file);
  await syncDirectory(dirname(file));
}

/** The same, synchronously: for small files that must be there before we go on. The folder must exist. */
export function replaceFileSync(file: string, text: string): void {
  const next = `${file}.new`;
  const descriptor = openSync(next, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(next, file);
}

/** The file's text, or undefined where there is none. A file of more than `maxBytes` is an error and is not read. */
export async function readIfThere(file: string, maxBytes: number): Promise<string | undefined> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw new Error(`${size} bytes are more than the ${maxBytes} expected`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

/** Renames a file that cannot be used to one fixed name beside it: the last one stays as evidence, and the disk does not fill. */
export async function setAside(file: string, why: 'damaged' | 'refused'): Promise<string> {
  const kept = `${file}.${why}`;
  await rename(file, kept);
  return kept;
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory for this, and its file system journals the rename itself.
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
