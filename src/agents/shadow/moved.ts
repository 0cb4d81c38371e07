import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';

const content = z.strictObject({
  /** The agent of the table. */
  id: z.string().max(64),
  file: z.string().max(4096),
  /** What the agent called the server. */
  name: z.string().max(4096),
  /** The blessed server in its place. */
  equivalent: z.string().max(64),
  at: z.iso.datetime(),
  /** SHA-256 of the file as we left it, and of the copy from before. */
  after: z.string().length(64),
  before: z.string().length(64),
});
export type Moved = z.infer<typeof content>;

/** Entries that were taken out of agents' files, each with a copy of the file from before: private, as the copy holds what the file held. */
export interface MovedEntries {
  /** One that cannot be understood is left where it is, and not listed. */
  all(): ({ move: string } & Moved)[];
  /** Returns its id. */
  put(moved: Moved, before: Buffer): string;
  /** Undefined where it is gone. */
  copy(move: string): Buffer | undefined;
  drop(move: string): void;
}

export function openMoved(dir: string, log: Log): MovedEntries {
  const folder = join(dir, 'moved');
  const names = (): string[] => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  return {
    all: () =>
      names().flatMap((name) => {
        const [, move] = /^([0-9a-f]{16})\.json$/.exec(name) ?? [];
        if (move === undefined) return [];
        try {
          return [{ move, ...content.parse(JSON.parse(readFileSync(join(folder, name), 'utf8'))) }];
        } catch {
          log.warn({ move }, 'agents: what is known of a moved entry cannot be read');
          return [];
        }
      }),
    put(moved, before) {
      const move = randomBytes(8).toString('hex');
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      writeFileSync(join(folder, `${move}.copy`), before, { mode: 0o600, flag: 'wx' });
      replaceFileSync(join(folder, `${move}.json`), JSON.stringify(moved));
      return move;
    },
    copy(move) {
      try {
        return readFileSync(join(folder, `${move}.copy`));
      } catch {
        return undefined;
      }
    },
    drop(move) {
      for (const ending of ['json', 'copy']) rmSync(join(folder, `${move}.${ending}`), { force: true });
    },
  };
}
