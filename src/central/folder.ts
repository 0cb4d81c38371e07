import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { type Checked, checkDocument } from './document.ts';
import { limitsFile, type Org, org, type Remix, remix } from './org.ts';
import type { Problem, SourceFile } from './problem.ts';
import { type ServerJson, serverJson } from './server-json.ts';

/** The sub-folders of a company's folder, and what counts as content in each. */
export const parts = { servers: '.json', policies: '.cedar', remixes: '.yaml' } as const;

/** A company's folder as it was read: each file parsed and validated for itself, nothing related to anything yet. */
export interface Folder {
  org: Checked<Org> | undefined;
  limits: Checked<{ concurrentCalls: number; callsPerMinute: number }> | undefined;
  servers: Checked<ServerJson>[];
  policies: SourceFile[];
  remixes: Checked<Remix>[];
  problems: Problem[];
  /** Over names and contents: the same text is the same folder, whatever the file times say. */
  digest: string;
}

const maxFileBytes = 8 * 1024 * 1024;

/** Reads the folder once. Symbolic links are followed: mounted configuration (Kubernetes) is made of them. */
export async function readFolder(dir: string): Promise<Folder> {
  const problems: Problem[] = [];
  const top = await list(dir);
  if (top === undefined)
    throw new Failure('not-found', `There is no company folder at ${dir}.`, 'Give the path of a folder that holds org.yaml.');
  const sources: SourceFile[] = [];
  for (const file of top.filter((name) => name === 'org.yaml' || name === 'limits.yaml')) await read(file);
  for (const [part, ending] of Object.entries(parts)) {
    for (const name of (await list(join(dir, part))) ?? []) {
      if (name.endsWith(ending) && !name.startsWith('.')) await read(`${part}/${name}`);
    }
  }
  async function read(file: string): Promise<void> {
    const path = join(dir, file);
    if ((await stat(path)).size > maxFileBytes) {
      problems.push({ severity: 'error', file, line: 1, message: 'The file is larger than 8 MiB.', fix: 'Split or shorten it.' });
      return;
    }
    sources.push({ file, text: await readFile(path, 'utf8') });
  }

  const within = (part: keyof typeof parts) => sources.filter(({ file }) => file.startsWith(`${part}/`));
  const one = (file: string) => sources.find((source) => source.file === file);
  const orgSource = one('org.yaml');
  const limitsSource = one('limits.yaml');
  if (orgSource === undefined) {
    const fix = 'Add org.yaml with company, issuer, client_id, resource and groups.';
    problems.push({ severity: 'error', file: 'org.yaml', line: 1, message: 'The file is missing.', fix });
  }
  // An editor or a copy that is half way through leaves a file empty for a moment: taken as "no rules", that would lift every forbid in it.
  for (const { file } of within('policies').filter(({ text }) => text.trim() === '')) {
    problems.push({ severity: 'error', file, line: 1, message: 'The file is empty.', fix: 'Write policies into it, or remove the file.' });
  }
  const folder: Folder = {
    org: orgSource && checkDocument(orgSource, org),
    limits: limitsSource && checkDocument(limitsSource, limitsFile),
    servers: within('servers').map((source) => checkDocument(source, serverJson) as Checked<ServerJson>),
    policies: within('policies'),
    remixes: within('remixes').map((source) => checkDocument(source, remix)),
    problems,
    digest: createHash('sha256').update(JSON.stringify(sources)).digest('base64url'),
  };
  for (const document of [folder.org, folder.limits, ...folder.servers, ...folder.remixes]) problems.push(...(document?.problems ?? []));
  return folder;
}

async function list(dir: string): Promise<string[] | undefined> {
  try {
    return (await readdir(dir)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
