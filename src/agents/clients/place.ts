import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { type ConfigFile, digest, readConfigFile } from './config-file.ts';
import { languages, type Place, readDocument } from './edit/edit.ts';
import type { AgentFile, Client, Machine } from './programs/client.ts';
import { clients } from './programs/table.ts';
import type { Connection } from './records.ts';

/** What our entry is called where nobody chose another name. */
export const usualEntry = 'gatehouse';

/** An agent's file as it stands now. */
export interface Standing {
  file: ConfigFile;
  place: Place;
  document: Record<string, unknown>;
  servers: Record<string, unknown>;
}

/** Failure('not-found') for an id that is not in the table. */
export function clientOf(id: string): Client {
  const client = clients.find((each) => each.id === id);
  if (client) return client;
  throw new Failure(
    'not-found',
    `No agent is called ${JSON.stringify(id.slice(0, 64))}.`,
    `One of: ${clients.map((each) => each.id).join(', ')}.`,
  );
}

/** The file that is edited: the one with our entry, if the agent looks there still; else the first that exists, else the first. */
export function fileOf(config: AgentFile, machine: Machine, record: Connection | undefined): string {
  if (record && looksThere(config, machine, record.file)) return record.file;
  const files = config.files(machine);
  return files.find((file) => existsSync(file)) ?? files[0]!;
}

/** Whether the agent looks there, as the machine is now: nothing else is read or written for it, whatever a record says. */
export const looksThere = (config: AgentFile, machine: Machine, file: string): boolean => config.files(machine).includes(file);

/** Reads and understands a file. Failures as of `readConfigFile` and `readDocument`. */
export function standing(path: string, config: AgentFile, machine: Machine): Standing {
  const file = readConfigFile(path, machine.home, languages[config.language].largest);
  const place = { path, language: config.language, container: config.container };
  return { file, place, ...readDocument(file.text, place) };
}

/** One of its programs is on PATH, or it has left traces. */
export function isInstalled(client: Client, machine: Machine): boolean {
  return client.traces(machine).some((trace) => existsSync(trace)) || programOf(client, machine) !== undefined;
}

/** The first of its programs on PATH, as it would be started. */
export function programOf(client: Client, machine: Machine): string | undefined {
  const windows = machine.platform === 'win32';
  const folders = (machine.env['PATH'] ?? machine.env['Path'] ?? '').split(windows ? ';' : ':').filter((folder) => folder !== '');
  const endings = windows ? ['.exe', '.cmd', '.bat', '.ps1'] : [''];
  const places = client.programs.flatMap((program) => folders.flatMap((folder) => endings.map((ending) => join(folder, program + ending))));
  return places.find((place) => existsSync(place));
}

export const hashOf = (entry: unknown): string => digest(JSON.stringify(entry) ?? '');

/** `same`: as we wrote it; `edited`: ours, and somebody changed it; `foreign`: not ours; `none`: there is none of that name. */
export function entryState(
  at: Standing,
  config: AgentFile,
  name: string,
  record: Connection | undefined,
): 'same' | 'edited' | 'foreign' | 'none' {
  if (!Object.hasOwn(at.servers, name)) return 'none';
  if (record?.entry !== name || record.file !== at.place.path) return 'foreign';
  if (hashOf(at.servers[name]) === record.entryHash) return 'same';
  return config.read(at.servers[name])?.url === record.url ? 'edited' : 'foreign';
}

const most = 2000;
const names = (object: Record<string, unknown>) =>
  Object.keys(object)
    .slice(0, most)
    .map((name) => name.slice(0, 200));

/** What else is in the file, by name: tells an edit from a reset later on. */
export const seenIn = ({ document, servers }: Standing, entry: string): Connection['seen'] => ({
  members: names(document),
  servers: names(servers).filter((name) => name !== entry),
});
