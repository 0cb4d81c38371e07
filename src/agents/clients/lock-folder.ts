import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';

/** As the npm package proper-lockfile has it: a lock that was not renewed for this long belongs to a program that is gone. */
const staleMs = 10_000;
const waitMs = 2_000;

/** Holds the folder `FILE.lock` meanwhile, beside the file as the agent knows it, also where that is a link. Failure('conflict') where the agent itself holds it for two seconds on end. */
export async function withLockFolder<T>(file: string, use: () => T): Promise<T> {
  const lock = `${file}.lock`;
  for (const until = Date.now() + waitMs; !taken(lock); ) {
    if (Date.now() > until)
      throw new Failure('conflict', `The agent is writing ${file}, so it is left as it is.`, 'Try again in a moment.');
    await pause(25);
  }
  try {
    return use();
  } finally {
    release(lock);
  }
}

/** A lock that holds something, is no folder, or that somebody has taken away, is theirs. */
function release(lock: string): void {
  try {
    rmdirSync(lock);
  } catch {
    // Whoever waits for it says so.
  }
}

function taken(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The folder of a file that is not there yet: nobody can hold a lock in it.
    if (code !== 'EEXIST')
      throw new Failure('conflict', `${lock} cannot be made (${code}), so the file is left as it is.`, 'Check its folder.');
  }
  const stat = statSync(lock, { throwIfNoEntry: false });
  if (stat !== undefined && Date.now() - stat.mtimeMs > staleMs) release(lock);
  return false;
}
