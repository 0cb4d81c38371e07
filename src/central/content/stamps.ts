import type { BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The state of a company's folder: the same text twice means that nothing in it was changed in between. */
export interface Stamps {
  text: string;
  /** When something in it changed last, in milliseconds since the epoch by the clock of its file system. */
  changedAt: number;
  /** Changes that are closer together than this may have the same time. */
  grainMs: number;
}

const second = 1_000_000_000n;

/** Names, inodes, sizes and times of the folder and of all in it and in `parts`. Of hidden files only the names count: a repository's own files change often. */
export async function stampsOf(dir: string, parts: readonly string[]): Promise<Stamps> {
  const times: bigint[] = [];
  const lineOf = async (name: string): Promise<string> => {
    try {
      const stats: BigIntStats = await stat(join(dir, name), { bigint: true });
      times.push(stats.ctimeNs);
      return `${name} ${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}`;
    } catch (error) {
      return `${name} ${codeOf(error)}`;
    }
  };
  const linesOf = async (folder: string): Promise<string[]> => {
    // The folder's own time before its names: a change in between shows in one of the two.
    const own = await lineOf(folder);
    try {
      const names = (await readdir(join(dir, folder))).sort();
      return [own, ...(await Promise.all(names.map((name) => (name.startsWith('.') ? `${folder}/${name}` : lineOf(`${folder}/${name}`)))))];
    } catch (error) {
      return [own, codeOf(error)];
    }
  };
  const lines = await Promise.all(['.', ...parts].map(linesOf));
  const newest = times.reduce((latest, time) => (time > latest ? time : latest), 0n);
  // Some file systems keep times in steps of one or two seconds; on the others, times change with each tick of the kernel.
  const coarse = times.every((time) => time % second === 0n);
  return { text: lines.flat().join('\n'), changedAt: Number(newest / 1_000_000n), grainMs: coarse ? 2100 : 20 };
}

/** Milliseconds since the last change, as the file system says; 0 where its clock is ahead of ours. */
export function quietFor({ changedAt }: Stamps, now = Date.now()): number {
  return Math.max(0, now - changedAt);
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown';
