import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { replaceFileSync } from '../../base/file.ts';
import type { System } from './agent.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const record = z.strictObject({
  version: z.literal(1),
  file: z.string().max(4096),
  /** SHA-256 of the file as we left it. */
  fileHash: hash,
  /** What stood there before we first came, base64; absent where there was no file. */
  before: z.base64().optional(),
  /** How many folders were made for the file: they go with it. */
  folders: z.int().min(0).max(64),
  /** What we put in, with SHA-256 over its JSON. */
  members: z.array(z.strictObject({ container: z.string().optional(), name: z.string(), hash })).max(300),
});
/** What was written for one agent. */
export type Written = z.infer<typeof record>;

/** Where only the system's administrator writes: whoever writes here says what undo puts into the files of agents. */
const folders: Record<System['platform'], string> = {
  linux: '/var/lib/gatehouse/managed-agents',
  darwin: '/Library/Application Support/Gatehouse/managed-agents',
  win32: '/Program Files/Gatehouse Managed Agents',
};

/** What was written for the agents of a machine, a file each, readable by the administrator alone. */
export interface Records {
  /** Undefined where nothing was written. Failure('conflict') where that cannot be told. */
  of(id: string): Written | undefined;
  put(id: string, written: Written): void;
  drop(id: string): void;
}

export function recordsOn({ platform, root }: System): Records {
  const folder = join(root, folders[platform]);
  const fileOf = (id: string) => join(folder, `${id}.json`);
  return {
    of(id) {
      try {
        return record.parse(JSON.parse(readFileSync(fileOf(id), 'utf8')));
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
        if (isForbidden(cause)) throw cause;
        throw new Failure('conflict', `${fileOf(id)} cannot be read, so nothing is changed.`, 'Remove it if nothing is to be put back.', {
          cause,
        });
      }
    },
    put(id, written) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      replaceFileSync(fileOf(id), JSON.stringify(written));
    },
    drop: (id) => rmSync(fileOf(id), { force: true }),
  };
}

/** The system says that it takes an administrator. */
export const isForbidden = (error: unknown): boolean => ['EACCES', 'EPERM', 'EROFS'].includes((error as NodeJS.ErrnoException)?.code ?? '');
