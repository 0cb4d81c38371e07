import { createHash } from 'node:crypto';
import { nearest } from '../../base/nearest.ts';
import { type parts, readContents } from './contents.ts';
import { type Checked, checkDocument } from './document.ts';
import { misspelt } from './misspelt.ts';
import { limitsFile, type Org, org, type Remix, remix } from './org.ts';
import type { Problem, SourceFile } from './problem.ts';
import { entryKey, type ServerJson, serverJson } from './server-json.ts';
import type { Stamps } from './stamps.ts';

/** A company's folder as it was read: each file parsed and validated on its own, not yet checked against the others. */
export interface Folder {
  org: Checked<Org> | undefined;
  limits: Checked<{ concurrentCalls: number; callsPerMinute: number }> | undefined;
  servers: Checked<ServerJson>[];
  policies: SourceFile[];
  remixes: Checked<Remix>[];
  problems: Problem[];
  /** Hash over names, contents and what could not be read: the same digest is the same folder, whatever the file times say. */
  digest: string;
  /** The state of its files when it was read. */
  stamps: Stamps;
}

/** Members of `_meta` whose name is ours or nearly ours, and that nothing reads. Other members belong to whoever named them. */
function foreignMeta(document: Checked<ServerJson>): Problem[] {
  const meta = (document.raw as { _meta?: unknown } | undefined)?._meta;
  if (typeof meta !== 'object' || meta === null) return [];
  const [own] = entryKey.split('/');
  return Object.keys(meta)
    .filter((key) => key !== entryKey && nearest(key.split('/')[0]!, [own!]) !== undefined)
    .map((key) => ({
      severity: 'error',
      file: document.file,
      line: document.lineOf(['_meta', key]),
      message: `_meta.${key} is not known.`,
      fix: `Did you mean "${entryKey}"?`,
    }));
}

/** Reads the folder once. */
export async function readFolder(dir: string): Promise<Folder> {
  const { sources, problems, stamps } = await readContents(dir);
  const within = (part: keyof typeof parts) => sources.filter(({ file }) => file.startsWith(`${part}/`));
  const sourceOf = (file: string) => sources.find((source) => source.file === file);
  const orgSource = sourceOf('org.yaml');
  const limitsSource = sourceOf('limits.yaml');
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
    digest: createHash('sha256')
      .update(JSON.stringify([sources, problems]))
      .digest('base64url'),
    stamps,
  };
  for (const document of folder.servers) {
    problems.push(...foreignMeta(document));
    for (const { path, meant } of misspelt(serverJson, document.raw, ['_meta', 'variables', 'repository', 'icons'])) {
      const message = `${path.map(String).join('.')} is not known.`;
      problems.push({ severity: 'error', file: document.file, line: document.lineOf(path), message, fix: `Did you mean "${meant}"?` });
    }
  }
  for (const document of [folder.org, folder.limits, ...folder.servers, ...folder.remixes]) problems.push(...(document?.problems ?? []));
  return folder;
}
