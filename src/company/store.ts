import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, replaceFile, setAside } from '../base/file.ts';
import type { Log } from '../base/log.ts';
import { type HighMark, maxBundleBytes } from './verify.ts';

export interface Person {
  sub: string;
  issuer: string;
}

const cacheFormat = z.object({
  format: z.literal(1),
  sub: z.string(),
  issuer: z.string(),
  central: z.string(),
  etag: z.string().optional(),
  jws: z.string(),
  highestVersion: z.int(),
});
/** The bundle as it was received: it is verified again whenever it is read, so the file needs no trust. */
export type CachedBundle = Omit<z.infer<typeof cacheFormat>, 'format'>;

const mark = z.object({ version: z.int(), issuedAt: z.iso.datetime(), receipted: z.int().default(0) });
const marksFormat = z.object({ format: z.literal(1), marks: z.record(z.string(), mark) });
export type Mark = HighMark & { receipted: number };

/**
 * What outlives a restart: the bundle in `company/bundle.json`, and apart from it the high marks in `company/versions.json`, so that
 * deleting the bundle does not let an older one in. Writes run one after the other; a disk that fails is logged, for a kill switch must
 * act on a full disk too.
 */
export function openStore(dataDir: string, log: Log) {
  const bundleFile = join(dataDir, 'company', 'bundle.json');
  const marksFile = join(dataDir, 'company', 'versions.json');
  let disk: Promise<void> = Promise.resolve();
  let marks: Record<string, Mark> | undefined;

  function queue(work: () => Promise<void>): Promise<void> {
    disk = disk.then(work).catch((error) => log.error({ err: error }, 'the company state could not be written to disk'));
    return disk;
  }
  async function aside(file: string, why: 'damaged' | 'refused'): Promise<string> {
    const kept = await setAside(file, why).catch(() => file);
    log.warn({ kept }, `a ${why} file is kept aside`);
    return kept;
  }
  async function allMarks(): Promise<Record<string, Mark>> {
    if (marks !== undefined) return marks;
    let stored: Record<string, Mark> = {};
    try {
      const text = await readIfThere(marksFile, 1024 * 1024);
      if (text !== undefined) stored = marksFormat.parse(JSON.parse(text)).marks;
    } catch {
      await aside(marksFile, 'damaged');
    }
    return (marks ??= stored);
  }

  return {
    /** `damaged`: there was a file, and it is kept under that name. */
    async readBundle(): Promise<CachedBundle | { damaged: string } | undefined> {
      await disk;
      try {
        const text = await readIfThere(bundleFile, maxBundleBytes + 64 * 1024);
        return text === undefined ? undefined : cacheFormat.parse(JSON.parse(text));
      } catch {
        return { damaged: await aside(bundleFile, 'damaged') };
      }
    },
    writeBundle: (cached: CachedBundle) => queue(() => replaceFile(bundleFile, JSON.stringify({ format: 1, ...cached }))),
    /** At once, and once more behind a write that is under way. */
    removeBundle(): void {
      const remove = () => rmSync(bundleFile, { force: true });
      try {
        remove();
      } catch (error) {
        log.error({ err: error }, 'the stored bundle could not be removed');
      }
      void queue(async () => remove());
    },
    refuseBundle: () => aside(bundleFile, 'refused'),
    readMark: async (key: string): Promise<Mark | undefined> => (await allMarks())[key],
    async writeMark(key: string, next: Mark): Promise<void> {
      const all = await allMarks();
      all[key] = next;
      await queue(() => replaceFile(marksFile, JSON.stringify({ format: 1, marks: all })));
    },
    settled: () => disk,
  };
}
export type CompanyStore = ReturnType<typeof openStore>;

/** Hashed, so that the file does not list who signed in on this machine. */
export function markKey(company: string, person: Person): string {
  return createHash('sha256')
    .update(JSON.stringify([company, person.issuer, person.sub]))
    .digest('base64url');
}
