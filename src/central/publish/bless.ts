import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { catalogue as catalogueSchema, type ServerEntry } from '../../bundle/schema.ts';
import { bounded, type LeftOut } from '../../bundle/usable.ts';
import { catalogueHashes } from '../content/definition-hash.ts';
import { compileEntry } from '../content/entry.ts';
import { readFolder } from '../content/folder.ts';
import { describeProblem, hasErrors } from '../content/problem.ts';
import { entryKey } from '../content/server-json.ts';
import type { fetchCatalogue } from './catalogue.ts';

/** What blessing changed in one server's file: what a reviewer should look at. Keys are `tool:NAME`, `prompt:NAME` ... */
export interface Blessed {
  server: string;
  file: string;
  tools: number;
  added: string[];
  changed: string[];
  removed: string[];
  /** What the server said that could not be blessed. */
  leftOut: LeftOut[];
}

/**
 * Asks each server (or the one named) what it offers and writes that, with hashes, into its file: from then on this is what the company allows,
 * whatever the server says later. Everything else in the file stays as it is. The change is for a person to review before it is committed.
 */
export async function bless(
  dir: string,
  serverId: string | undefined,
  deps: { fetchCatalogue: typeof fetchCatalogue; variables?: Readonly<Record<string, string>> },
): Promise<Blessed[]> {
  const folder = await readFolder(dir);
  const variables = { ...folder.org?.value?.variables, ...deps.variables };
  const wanted = folder.servers.filter(({ value }) => serverId === undefined || value?._meta[entryKey].id === serverId);
  if (wanted.length === 0) {
    throw new Failure(
      'not-found',
      serverId === undefined ? `There are no servers in ${dir}.` : `There is no server "${serverId}" in ${dir}.`,
      'See servers/*.json.',
    );
  }
  const done: Blessed[] = [];
  for (const source of wanted) {
    const broken = source.problems[0];
    if (source.value === undefined) throw new Failure('bad-input', describeProblem(broken!), broken!.fix);
    // The old catalogue must not stand in the way: its faults are what blessing puts right.
    const bare = {
      ...source.value,
      _meta: { ...source.value._meta, [entryKey]: { ...source.value._meta[entryKey], catalogue: undefined, tools: {} } },
    };
    const { entry, problems } = compileEntry({ ...source, value: bare }, variables);
    const error = problems.find(({ severity }) => severity === 'error');
    if (entry === undefined || hasErrors(problems))
      throw new Failure('bad-input', error ? describeProblem(error) : `${source.file} is not valid.`, error?.fix);
    done.push(await write(dir, source.file, entry, await deps.fetchCatalogue(entry)));
  }
  return done;
}

async function write(dir: string, file: string, entry: ServerEntry, read: Awaited<ReturnType<typeof fetchCatalogue>>): Promise<Blessed> {
  const { leftOut, ...definitions } = read;
  const path = join(dir, file);
  const text = JSON.parse(await readFile(path, 'utf8')) as { _meta: { [entryKey]: { catalogue?: unknown } } };
  const meta = text._meta[entryKey];
  const before = catalogueSchema.safeParse(meta.catalogue ?? {}).data?.hashes ?? {};
  const checked = catalogueSchema.omit({ hashes: true, leftOut: true }).safeParse(definitions);
  if (!checked.success) {
    const issue = checked.error.issues[0]!;
    throw new Failure(
      'unavailable',
      `The server ${entry.id} answered with a definition that is not valid: ${issue.path.join('.')}: ${issue.message}.`,
      'Report it to its maker.',
    );
  }
  const hashes = catalogueHashes(definitions);
  meta.catalogue = { ...definitions, hashes, ...(leftOut.length > 0 ? { leftOut: bounded(leftOut) } : {}) };
  // In one step: the central API may be watching.
  const temporary = `${path}.${randomUUID()}.new`;
  await writeFile(temporary, `${JSON.stringify(text, null, 2)}\n`);
  await rename(temporary, path);
  return {
    server: entry.id,
    file,
    tools: definitions.tools.length,
    added: Object.keys(hashes).filter((key) => !Object.hasOwn(before, key)),
    changed: Object.keys(hashes).filter((key) => Object.hasOwn(before, key) && before[key] !== hashes[key]),
    removed: Object.keys(before).filter((key) => !Object.hasOwn(hashes, key)),
    leftOut,
  };
}
