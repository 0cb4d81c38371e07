import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import type { Problem, SourceFile } from './problem.ts';
import { quietFor, type Stamps, stampsOf } from './stamps.ts';

/** The sub-folders of a company's folder, and what counts as content in each. */
export const parts = { servers: '.json', policies: '.cedar', remixes: '.yaml' } as const;
const partNames = Object.keys(parts) as (keyof typeof parts)[];
const topFiles = ['org.yaml', 'limits.yaml'];

const maxFileBytes = 8 * 1024 * 1024;

/** The state of the folder and of its sub-folders. */
export const folderStamps = (dir: string): Promise<Stamps> => stampsOf(dir, partNames);

// Milliseconds: how long a reader waits for somebody who writes, and how often it looks.
const patience = 5000;
const lookEvery = 10;

interface Contents {
  sources: SourceFile[];
  problems: Problem[];
}

/**
 * Reads the folder as it was at one moment. Reading file after file could mix states that never existed, such as one in which a rule that moves from one
 * file to another is in neither. So a reading counts only if the folder has not changed during it, and if its last change is so long ago that a further
 * change would have another time.
 */
export async function readContents(dir: string): Promise<Contents & { stamps: Stamps }> {
  const began = performance.now();
  for (let unchanged: { stamps: Stamps; since: number } | undefined; ; await pause(lookEvery)) {
    const stamps = await folderStamps(dir);
    const now = performance.now();
    if (stamps.text !== unchanged?.stamps.text) unchanged = { stamps, since: now };
    // We saw no change for that long; or the file times say so, which is quicker, and right where the file system's clock is ours.
    if (Math.max(now - unchanged.since, quietFor(stamps)) >= stamps.grainMs) {
      const contents = await collect(dir);
      if ((await folderStamps(dir)).text === stamps.text) return { ...contents, stamps };
    }
    if (performance.now() - began > patience)
      throw new Failure(
        'unavailable',
        'The company folder changes while it is read.',
        'Wait until whoever writes into it is done, then try again.',
      );
  }
}

/**
 * Every file of the folder that is content, and an error for each other file, unless it is known to be something else, such as documentation. A file that
 * nothing reads must not look published: a rule in `policies/eu/`, a `.ceder` file or `limits.yml` would protect nothing.
 * Symbolic links are followed: mounted configuration (Kubernetes) is made of them.
 */
async function collect(dir: string): Promise<Contents> {
  const sources: SourceFile[] = [];
  const problems: Problem[] = [];
  const problem = (file: string, message: string, fix: string) => problems.push({ severity: 'error', file, line: 1, message, fix });
  const top = await entries(dir);
  if (top === undefined)
    throw new Failure('not-found', `There is no company folder at ${dir}.`, 'Give the path of a folder that holds org.yaml.');

  async function take(file: string): Promise<void> {
    try {
      const stats = await stat(join(dir, file));
      if (!stats.isFile()) problem(file, 'This is not a file.', 'Replace it by a file, or remove it.');
      else if (stats.size > maxFileBytes) problem(file, 'The file is larger than 8 MiB.', 'Split or shorten it.');
      else {
        const bytes = await readFile(join(dir, file));
        if (isUtf8(bytes)) sources.push({ file, text: bytes.toString('utf8') });
        else problem(file, 'The file is not UTF-8 text.', 'Save it as UTF-8.');
      }
    } catch (error) {
      unreadable(file, error);
    }
  }
  /** A file that cannot be read is not an absent file: its content is unknown. */
  function unreadable(file: string, error: unknown): void {
    problem(
      file,
      `This cannot be read (${(error as NodeJS.ErrnoException).code ?? error}).`,
      'Check its permissions, or where it leads to.',
    );
  }

  for (const entry of top) {
    const { name } = entry;
    if (topFiles.includes(name)) await take(name);
    else if (!partNames.includes(name as keyof typeof parts) && !isAside(name, top, meantForTop)) problem(name, unread, fixAtTop(name));
  }
  for (const part of partNames.filter((name) => top.some((entry) => entry.name === name))) {
    let inside: Dirent[] | undefined;
    try {
      inside = await entries(join(dir, part));
    } catch (error) {
      unreadable(part, error);
      continue;
    }
    if (inside === undefined) {
      problem(part, 'This is not a folder.', `Make it a folder with files that end in ${parts[part]}, or remove it.`);
      continue;
    }
    for (const { name } of inside) {
      if (isAside(name, inside, (fileName) => fileName.endsWith(parts[part]))) continue;
      if (name.endsWith(parts[part]) && !name.startsWith('.')) await take(`${part}/${name}`);
      else problem(`${part}/${name}`, unread, await fixWithin(part, name, join(dir, part, name)));
    }
  }
  return { sources, problems };
}

const unread = 'Nothing reads this, so it has no effect.';

/**
 * Whether a file is known not to be content: documentation, an editor's copy or lock of a file that still exists, or a hidden file that does not look
 * like content.
 */
function isAside(name: string, beside: readonly Dirent[], likeContent: (name: string) => boolean): boolean {
  if (/^(README|LICENSE|CHANGELOG|CODEOWNERS|CONTRIBUTING)(\.md|\.txt)?$/.test(name)) return true;
  const original = name.endsWith('~') ? name.slice(0, -1) : /^\.?#(.+?)#?$/.exec(name)?.[1];
  if (original !== undefined && beside.some((entry) => entry.name === original)) return true;
  return name.startsWith('.') && !likeContent(name.toLowerCase());
}

/** Which hidden files at the top look like content. A repository has many others there. */
const meantForTop = (name: string): boolean => name.endsWith('.cedar') || topFiles.includes(shown(name));
const shown = (name: string): string => name.replace(/^\.+_?/, '');

function fixAtTop(name: string): string {
  if (name.startsWith('.')) return hiddenFix(shown(name));
  const topNames = [...topFiles, ...partNames];
  const meant = nearest(stem(name), topNames.map(stem));
  const beginsAlike = (topName: string) => stem(name).length > 3 && topName.startsWith(stem(name).slice(0, 4).toLowerCase());
  const closest = topNames.find((topName) => stem(topName) === meant) ?? topNames.find(beginsAlike);
  const ending = Object.entries(parts).find(([, extension]) => name.toLowerCase().endsWith(extension))?.[0];
  if (closest !== undefined) return `Did you mean ${closest}? Rename it, or keep it outside of the company's folder.`;
  if (ending !== undefined) return `Did you mean ${ending}/${name}? Move it there, or keep it outside of the company's folder.`;
  return `Keep it outside of the company's folder, which holds ${[...topFiles, ...partNames.map((part) => `${part}/*${parts[part]}`)].join(', ')}.`;
}

async function fixWithin(part: keyof typeof parts, name: string, path: string): Promise<string> {
  const wanted = parts[part];
  if ((await stat(path).catch(() => undefined))?.isDirectory())
    return `Sub-folders are not read: move its files into ${part}/, or keep it outside of the company's folder.`;
  if (name.startsWith('.')) return hiddenFix(`${part}/${shown(name)}`);
  const other = partNames.find((otherPart) => otherPart !== part && name.endsWith(parts[otherPart]));
  if (other !== undefined) return `Did you mean ${other}/${name}? Move it there.`;
  return `Did you mean ${part}/${stem(name) || name}${wanted}? Only files that end in ${wanted} are read here.`;
}

const hiddenFix = (meant: string) => `Did you mean ${meant}? Hidden files are not read: rename it, or remove it.`;

/** Up to the first dot: `main.cedar.txt` and `main.ceder` are both meant to be `main.cedar`. */
const stem = (name: string): string => (name.includes('.') ? name.slice(0, name.indexOf('.')) : name);

async function entries(dir: string): Promise<Dirent[] | undefined> {
  try {
    return (await readdir(dir, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
