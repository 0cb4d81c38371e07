import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Failure } from '../base/errors.ts';

const holderFormat = z.object({ pid: z.int(), startedAt: z.string(), socket: z.string().optional() });
/** Who has a data folder open, for the message to the next process that tries. Informative only: the kernel holds the lock itself. */
export type LockHolder = z.infer<typeof holderFormat>;

export interface Lock {
  describe(holder: LockHolder): void;
  close(): void;
}

/**
 * One process per data folder. The lock is SQLite's own on DATA/NAME.lock: the kernel drops it when its process ends, however that
 * happens, so there is no stale lock to detect and no race in detecting it. `waitMs`: how long to wait for a process that is still leaving.
 */
export async function takeLock(dataDir: string, name: string, options: { waitMs?: number } = {}): Promise<Lock> {
  // Loaded here: the CLI reads `holderOf` and must not pay for SQLite.
  const { DatabaseSync } = await import('node:sqlite');
  const until = Date.now() + (options.waitMs ?? 0);
  const info = join(dataDir, `${name}.json`);
  for (;;) {
    const database = new DatabaseSync(join(dataDir, `${name}.lock`), { timeout: 0 });
    try {
      database.exec('BEGIN EXCLUSIVE');
      return {
        describe: (holder) => writeFileSync(info, JSON.stringify(holder), { mode: 0o600 }),
        close() {
          rmSync(info, { force: true });
          database.close();
        },
      };
    } catch (cause) {
      database.close();
      if (!/locked|busy/i.test(String(cause))) {
        throw new Failure(
          'unavailable',
          `The lock ${name}.lock in ${dataDir} cannot be taken.`,
          'See whether the folder is on a local disk and not full.',
          { cause },
        );
      }
      if (Date.now() >= until) throw held(dataDir, holderOf(dataDir, name), cause);
    }
    await sleep(20);
  }
}

/** What the last holder wrote about itself. That process may have ended. */
export function holderOf(dataDir: string, name: string): LockHolder | undefined {
  try {
    return holderFormat.parse(JSON.parse(readFileSync(join(dataDir, `${name}.json`), 'utf8')));
  } catch {
    return undefined;
  }
}

function held(dataDir: string, holder: LockHolder | undefined, cause: unknown): Failure {
  const who = holder === undefined ? 'another process' : `process ${holder.pid} (started ${holder.startedAt})`;
  const stop =
    holder === undefined
      ? 'Stop it'
      : process.platform === 'win32'
        ? `Stop it (taskkill /pid ${holder.pid})`
        : `Stop it (kill ${holder.pid})`;
  return new Failure('conflict', `The data folder ${dataDir} is held by ${who}.`, `${stop}, or choose another folder with --data DIR.`, {
    cause,
  });
}
