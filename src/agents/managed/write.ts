import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../base/errors.ts';
import { type ConfigFile, digest, encoded, readConfigFile, replaceConfigFile } from '../clients/config-file.ts';
import { unifiedDiff } from '../clients/edit/diff.ts';
import { languages, readDocument, withEntry, withoutEntry } from '../clients/edit/edit.ts';
import { type AllowList, fileOn, type ManagedAgent, type System } from './agent.ts';
import { placeOf, unfit } from './look.ts';
import { isForbidden, recordsOn, type Written } from './records.ts';

/** Agents of all users read the file, and nobody but the administrator writes it. */
const fileMode = 0o644;
const folderMode = 0o755;

const hashOf = (value: unknown): string => digest(JSON.stringify(value) ?? '');

interface Plan {
  file: ConfigFile;
  /** What is put back by undo. */
  base: Buffer | undefined;
  /** Of folders that were made for it by an earlier writing. */
  folders: number;
  after: string;
  members: Written['members'];
}

/** The file with the company's list and all else as it is. Failure('conflict') where somebody else's list is there, or more would be let in all the same. */
function plan(agent: ManagedAgent, list: AllowList, system: System, purpose: 'edit' | 'look'): Plan {
  const path = fileOn(agent, system);
  const file = readConfigFile(path, dirname(path), languages[agent.language].largest, purpose);
  const written = recordOf(agent, path, system);
  const { text, bytes, folders } = before(agent, file, written);
  let after = text;
  const members: Written['members'] = [];
  for (const { container, name, value } of agent.members(list)) {
    const place = placeOf(agent, path, container === undefined ? {} : { container });
    const { servers } = readDocument(after, place);
    if (Object.hasOwn(servers, name)) {
      if (isDeepStrictEqual(structuredClone(servers[name]), value)) continue;
      throw new Failure(
        'conflict',
        `${path} has ${container === undefined ? '' : `${container}.`}${name} already, and Gatehouse did not write it, so it is left as it is.`,
        'Take it out, or bring it in line with what the company states.',
      );
    }
    after = withEntry(after, place, name, value);
    members.push({ ...(container === undefined ? {} : { container }), name, hash: hashOf(value) });
  }
  const why = unfit(agent, { text: after, path }, list);
  if (why === undefined) return { file, base: bytes, folders, after, members };
  throw new Failure('conflict', `${path}: ${why}. It is left as it is, since the list would not hold.`, 'Correct that, then try again.');
}

/** As it was before we came: the whole file, if it is as we left it; else without what is still ours. */
function before(
  agent: ManagedAgent,
  file: ConfigFile,
  written: Written | undefined,
): { text: string; bytes: Buffer | undefined; folders: number } {
  const now = { text: file.text, bytes: file.bytes, folders: 0 };
  if (written === undefined || file.bytes === undefined) return now;
  if (digest(file.bytes) === written.fileHash) {
    const bytes = written.before === undefined ? undefined : Buffer.from(written.before, 'base64');
    return { text: bytes?.toString('utf8').replace(/^\ufeff/, '') ?? '', bytes, folders: written.folders };
  }
  const text = written.members.reduce((rest, { name, hash, ...at }) => {
    const place = placeOf(agent, file.path, at.container === undefined ? {} : { container: at.container });
    const { servers } = readDocument(rest, place);
    return Object.hasOwn(servers, name) && hashOf(servers[name]) === hash ? withoutEntry(rest, place, name) : rest;
  }, file.text);
  return { text, bytes: encoded(file, text), folders: 0 };
}

function recordOf({ id }: ManagedAgent, path: string, system: System): Written | undefined {
  const written = recordsOn(system).of(id);
  return written?.file === path ? written : undefined;
}

/** What writing would change, exactly; empty where nothing. */
export function difference(agent: ManagedAgent, list: AllowList, system: System): string {
  const { file, after } = plan(agent, list, system, 'look');
  return unifiedDiff(file.path, file.bytes && file.text, { base: file.text, after });
}

/** Writes the list. Returns the file's path, and whether it was as it should be already. */
export function write(agent: ManagedAgent, list: AllowList, system: System): { file: string; already: boolean } {
  const { file, base, folders, after, members } = plan(agent, list, system, 'edit');
  const bytes = encoded(file, after);
  if (file.bytes?.equals(bytes)) return { file: file.path, already: true };
  const records = recordsOn(system);
  const written: Written = {
    version: 1,
    file: file.path,
    fileHash: digest(bytes),
    ...(base === undefined ? {} : { before: base.toString('base64') }),
    folders,
    members,
  };
  // Before the file: if we are ended in between, what stands in it is known as ours.
  const last = records.of(agent.id);
  records.put(agent.id, written);
  try {
    const made = replaceConfigFile(file.bytes === undefined ? { ...file, mode: fileMode } : file, bytes, 0, folderMode);
    if (made > 0) records.put(agent.id, { ...written, folders: made });
  } catch (error) {
    if (last === undefined) records.drop(agent.id);
    else records.put(agent.id, last);
    throw error;
  }
  return { file: file.path, already: false };
}

/** Puts the file back as it was, or takes out what is still ours where more has changed since. `nothing`: we wrote nothing. */
export function undo(agent: ManagedAgent, system: System): { file: string; restored: 'whole' | 'entry' | 'nothing' } {
  const path = fileOn(agent, system);
  const written = recordOf(agent, path, system);
  if (written === undefined) return { file: path, restored: 'nothing' };
  const file = readConfigFile(path, dirname(path), languages[agent.language].largest);
  const whole = file.bytes !== undefined && digest(file.bytes) === written.fileHash;
  const { bytes, folders } = before(agent, file, written);
  if (file.bytes !== undefined && !(bytes?.equals(file.bytes) ?? false)) replaceConfigFile(file, bytes, folders);
  recordsOn(system).drop(agent.id);
  return { file: path, restored: file.bytes === undefined ? 'nothing' : whole ? 'whole' : 'entry' };
}

/** The whole file for a machine that has none yet: for device management to hand out. */
export function wholeFile(agent: ManagedAgent, list: AllowList): string {
  return agent
    .members(list)
    .reduce(
      (text, { container, name, value }) =>
        withEntry(text, placeOf(agent, agent.id, container === undefined ? {} : { container }), name, value),
      '',
    );
}

/** Says who can do it, where the system let us not. */
export function asAdministrator<T>(work: () => T, again: string): T {
  try {
    return work();
  } catch (error) {
    if (!isForbidden(error) && !(error instanceof Failure && isForbidden(error.cause))) throw error;
    throw new Failure(
      'denied',
      "This takes the rights of the system's administrator.",
      `As administrator: ${again}. Or make the files for your device management: gatehouse agents policy --out FOLDER`,
      { cause: error },
    );
  }
}
