import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { Failure, toErrorValue } from '../../base/errors.ts';
import type { ManagedRow } from '../../contract/agents.ts';
import { type ConfigFile, readConfigFile } from '../clients/config-file.ts';
import { languages, type Place, readDocument } from '../clients/edit/edit.ts';
import { isInstalled } from '../clients/place.ts';
import type { Machine } from '../clients/programs/client.ts';
import { clients } from '../clients/programs/table.ts';
import { type AllowList, type Beside, fileOn, type ManagedAgent, type Member, type System } from './agent.ts';
import { managedAgents, unlisted } from './table.ts';

/** How it stands with each agent. `list`: what the company states; undefined: it states nothing. Reads files, and takes whatever is wrong with one as a state. */
export function look(list: AllowList | undefined, system: System, machine: Machine): ManagedRow[] {
  const has = (ids: readonly string[]) => clients.some((client) => ids.includes(client.id) && isInstalled(client, machine));
  const listed = managedAgents.map((agent): ManagedRow => {
    const { id, title, note } = agent;
    const file = fileOn(agent, system);
    const row = { id, title, installed: has(agent.clients), file, ...(note === undefined ? {} : { note }) };
    return list === undefined ? { ...row, state: 'not-stated' } : { ...row, ...standing(agent, file, list, system) };
  });
  const others = clients.filter(({ id }) => !managedAgents.some((agent) => agent.clients.includes(id)));
  return [
    ...listed,
    ...others.map(({ id, title }): ManagedRow => {
      const why = unlisted[id] ?? 'No managed allow-list of it is known.';
      return { id, title, installed: has([id]), state: 'unsupported', why };
    }),
  ];
}

function standing(agent: ManagedAgent, path: string, list: AllowList, system: System): Pick<ManagedRow, 'state' | 'why'> {
  try {
    const file = readConfigFile(path, dirname(path), languages[agent.language].largest, 'look');
    if (file.bytes === undefined) return { state: 'missing', why: 'there is no such file' };
    const why = missing(agent, file, list);
    if (why !== undefined) return { state: 'missing', why };
    const trouble = unfit(agent, file, list) ?? unguarded(file, system);
    return trouble === undefined ? { state: 'in-force' } : { state: 'differs', why: trouble };
  } catch (error) {
    return { state: 'differs', why: error instanceof Failure ? toErrorValue(error).message : 'what stands beside it cannot be read' };
  }
}

export const placeOf = ({ language }: ManagedAgent, path: string, { container }: Pick<Member, 'container'>): Place => ({
  path,
  language,
  ...(container === undefined ? {} : { container }),
});

/** None of what we would write is there; undefined where some of it is. */
function missing(agent: ManagedAgent, { text, path }: ConfigFile, list: AllowList): string | undefined {
  const some = agent.members(list).some((member) => Object.hasOwn(readDocument(text, placeOf(agent, path, member)).servers, member.name));
  return some ? undefined : 'it has no list of allowed servers';
}

/** Why the file does not say what the company states; undefined where it does, and nothing beside it says more. */
export function unfit(agent: ManagedAgent, { text, path }: Pick<ConfigFile, 'text' | 'path'>, list: AllowList): string | undefined {
  const { document } = readDocument(text, placeOf(agent, path, {}));
  if (agent.plainJson && !isJson(text)) return 'it has comments or a comma too many, so the agent ignores all of it';
  for (const member of agent.members(list)) {
    const { servers } = readDocument(text, placeOf(agent, path, member));
    const name = member.container === undefined ? member.name : `${member.container}.${member.name}`;
    if (!Object.hasOwn(servers, member.name)) return `${name} is not in it`;
    if (!isDeepStrictEqual(structuredClone(servers[member.name]), member.value)) return `${name} is another one than the company states`;
  }
  return agent.widened?.(document, list, beside(dirname(path)));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A list that a person can change holds nobody. */
function unguarded({ real, uid, mode }: ConfigFile, { admin }: System): string | undefined {
  if (admin === undefined || uid === undefined) return undefined;
  const folder = statSync(dirname(real));
  const open = [{ uid, mode }, folder].some((each) => each.uid !== admin || (each.mode & 0o022) !== 0);
  return open ? 'others than the administrator can change the file or its folder' : undefined;
}

const beside = (folder: string): Beside => ({
  folder,
  names(inside) {
    try {
      return readdirSync(inside);
    } catch (cause) {
      if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return [];
      throw new Failure('conflict', `${inside} cannot be read, so it may allow more.`, 'Check its permissions.', { cause });
    }
  },
  object(path) {
    const file = readConfigFile(path, dirname(path), languages.jsonc.largest, 'look');
    return file.bytes === undefined ? undefined : readDocument(file.text, { path, language: 'jsonc' }).document;
  },
});
