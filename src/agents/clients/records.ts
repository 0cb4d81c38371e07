import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';

/** How many copies of a file from before our changes are kept for each agent. */
const copies = 5;
/** Of a reason, which may name long paths. */
const longestWhy = 2000;
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const record = z.strictObject({
  /** The agent of the table. */
  id: z.string().max(64),
  file: z.string().max(4096),
  /** The name of our entry in the file. */
  entry: z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/),
  /** The name of its credential, and when that was made. Absent where it needs none: what starts the bridge is allowed by itself. */
  agent: z.string().max(64).optional(),
  agentSince: z.iso.datetime().optional(),
  /** Of the gateway; or the command that starts the bridge. */
  url: z.string().max(2048),
  at: z.iso.datetime(),
  /** SHA-256 of our entry as JSON, and of the whole file as we left it. */
  entryHash: hash,
  fileHash: hash,
  /** How many folders were made for the file: they go with it. */
  folders: z.int().min(0).max(64),
  /** What to put back; absent where there was no file. */
  before: z.strictObject({ copy: z.string().regex(/^[\w-]{1,200}$/), hash }).optional(),
  /** Names of members and of servers that were there when the file was last seen whole. */
  seen: z.strictObject({ members: z.array(z.string()), servers: z.array(z.string()) }),
  /** When the guardian put the entry back, newest last. */
  repairs: z.array(z.iso.datetime()),
  /** `lost`: the guardian may not, or could not, put it back. */
  state: z.enum(['connected', 'changed', 'removed', 'lost']),
  why: z.string().max(longestWhy).optional(),
});
const content = z.strictObject({ version: z.literal(1), connections: z.array(record).max(100) });

export type Connection = z.infer<typeof record>;

/** What we wrote into agents' files, and the copies of what stood there before; all in one private folder. */
export interface Records {
  all(): readonly Connection[];
  of(id: string): Connection | undefined;
  put(connection: Connection): void;
  drop(id: string): void;
  /** Keeps a copy (0600), and of older ones of that agent only as many as are allowed and the one in use. Returns its name. */
  keep(id: string, bytes: Buffer, at: number): string;
  /** Undefined where it is gone. */
  copy(name: string): Buffer | undefined;
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Failure('unavailable', 'The list of connected agents cannot be read.', `Check the permissions of ${file}.`, { cause });
  }
}

/**
 * A damaged file is put aside: our entries then count as foreign, and are not touched. One that cannot be read at all is a Failure, for its content may
 * be intact.
 */
export function openRecords(dir: string, log: Log): Records {
  const file = join(dir, 'connections.json');
  const folder = join(dir, 'connections');
  const byId = new Map<string, Connection>();
  const text = textOf(file);
  try {
    if (text !== undefined) for (const each of content.parse(JSON.parse(text)).connections) byId.set(each.id, each);
  } catch (error) {
    log.error({ err: error }, 'agents: the list of connections cannot be used and is begun anew');
    renameSync(file, `${file}.damaged`);
  }
  const save = () => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    replaceFileSync(file, `${JSON.stringify({ version: 1, connections: [...byId.values()] }, undefined, 2)}\n`);
  };
  return {
    all: () => [...byId.values()],
    of: (id) => byId.get(id),
    put(connection) {
      const { why, ...rest } = connection;
      byId.set(connection.id, why === undefined ? rest : { ...rest, why: why.slice(0, longestWhy) });
      save();
    },
    drop(id) {
      if (byId.delete(id)) save();
    },
    keep(id, bytes, at) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const name = `${id}-${new Date(at).toISOString().replaceAll(/[:.]/g, '-')}`;
      writeFileSync(join(folder, name), bytes, { mode: 0o600 });
      chmodSync(join(folder, name), 0o600);
      const mine = readdirSync(folder).filter((other) => other.startsWith(`${id}-20`));
      const inUse = byId.get(id)?.before?.copy;
      for (const old of mine.toSorted().slice(0, -copies)) if (old !== inUse) rmSync(join(folder, old), { force: true });
      return name;
    },
    copy(name) {
      try {
        return readFileSync(join(folder, name));
      } catch {
        return undefined;
      }
    },
  };
}
