import type { Policy } from '../../policy/policy.ts';
import { readsFolders, statedOf } from '../../protocol/extensions.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Era } from '../../protocol/versions.ts';
import type { Address } from './address.ts';
import type { Directory, Listed } from './directory.ts';
import { mergedInstructions } from './instructions.ts';
import { scopedSkill, seenSkill } from './skills.ts';

/** The key by which one agent's surface at an address is kept. */
export const surfaceKey = ({ path }: Address, agent: string): string => `${path}\0${agent}`;

export type ListMethod = 'tools/list' | 'prompts/list' | 'resources/list' | 'resources/templates/list' | 'skills/list';

/** What one agent sees at one address: the blessed definitions that policy shows it, serialised once. */
export interface Surface {
  directory: Directory;
  /** `"tools":[...]`, without the braces, so that an era can add its own fields. */
  list(method: ListMethod, era: Era, showsPages?: boolean): string;
  /** Changes exactly when the list does. */
  mark(method: ListMethod): string;
  serverInfo: JsonObject;
  capabilities: JsonObject;
  instructions: string | undefined;
}

const kinds = {
  'tools/list': { key: 'tools', action: 'call', of: (d: Directory) => d.tools },
  'prompts/list': { key: 'prompts', action: 'get', of: (d: Directory) => d.prompts },
  'resources/list': { key: 'resources', action: 'read', of: (d: Directory) => d.resources },
  'resources/templates/list': { key: 'resourceTemplates', action: 'read', of: (d: Directory) => d.templates },
  'skills/list': { key: 'skills', action: 'read', of: (d: Directory) => d.skills },
} as const;

export const isListMethod = (method: string, directory: Directory): method is ListMethod =>
  Object.hasOwn(kinds, method) && (method !== 'skills/list' || directory.skills.size > 0);

/** The methods of the extension exist where a server states it, for agents of both eras: it needs nothing that the legacy one lacks. */
export function speaks(method: string, directory: Directory): boolean {
  if (method === 'skills/get') return directory.skills.size > 0;
  return method === 'resources/directory/read' && [...directory.skills.values()].some(({ owner }) => readsFolders(owner));
}

export function openSurface(options: {
  directory: Directory;
  policy: Policy | undefined;
  agent: string;
  address: Address;
  version: string;
}): Surface {
  const { directory, policy, agent } = options;
  const cached = new Map<string, string>();
  const hidden = [...directory.tools.values()].some((tool) => tool.appOnly);
  const older = [...directory.tools.values()].some((tool) => tool.legacyJson !== undefined);
  const list = (method: ListMethod, era: Era, showsPages = false): string => {
    const legacy = older && era === 'legacy';
    const kept = `${method}${showsPages && hidden ? ' with pages' : ''}${legacy ? ' for the legacy era' : ''}`;
    let text = cached.get(kept);
    if (text === undefined) {
      const { key, action, of } = kinds[method];
      text = `"${key}":[${shown(of(directory), action, policy, agent, { showsPages, legacy, skills: directory.skills }).join(',')}]`;
      cached.set(kept, text);
    }
    return text;
  };
  const blessed = options.address.kind === 'server' ? directory.servers[0]?.catalogue : undefined;
  return {
    directory,
    list,
    mark: (method) => list(method, 'modern', true),
    serverInfo: blessed?.serverInfo ?? { name: 'gatehouse', title: 'Gatehouse', version: options.version },
    capabilities: capabilities(directory),
    instructions: blessed ? blessed.instructions : mergedInstructions(directory, policy, agent),
  };
}

function shown(
  all: ReadonlyMap<string, Listed>,
  action: 'call' | 'get' | 'read',
  policy: Policy | undefined,
  agent: string,
  { showsPages, legacy, skills }: { showsPages: boolean; legacy: boolean; skills: ReadonlyMap<string, Listed> },
): string[] {
  if (!policy) return [];
  const out: string[] = [];
  let server: string | undefined;
  let verdicts: ReturnType<Policy['list']> | undefined;
  for (const listed of all.values()) {
    if (listed.owner.id !== server) {
      server = listed.owner.id;
      verdicts = policy.list(action, server, agent);
    }
    const verdict = verdicts!.get(listed.name);
    if (verdict && verdict.effect !== 'deny' && (showsPages || !listed.appOnly))
      out.push(all === skills ? skillText(listed, policy, agent) : (legacy && listed.legacyJson) || listed.json);
  }
  return out;
}

function skillText(listed: Listed, policy: Policy, agent: string): string {
  const seen = seenSkill(listed.owner, listed.name, policy, agent);
  if (listed.owner.catalogue.skills.includes(seen)) return listed.json;
  return JSON.stringify(listed.exposed === listed.name ? seen : scopedSkill(listed.owner.id, seen));
}

/** Stated for what the gateway can do; a kind that no server behind the address has is left out. */
function capabilities(directory: Directory): JsonObject {
  const has = (name: string) => directory.servers.some((entry) => entry.catalogue.capabilities[name] !== undefined);
  const extensions = statedOf(directory.servers, 'extensions');
  const experimental = statedOf(directory.servers, 'experimental');
  const resources = directory.resources.size + directory.templates.size + directory.skills.size > 0 || has('resources');
  return {
    tools: { listChanged: true },
    ...(directory.prompts.size > 0 || has('prompts') ? { prompts: { listChanged: true } } : {}),
    ...(resources ? { resources: { subscribe: true, listChanged: true } } : {}),
    ...(has('completions') ? { completions: {} } : {}),
    ...(has('logging') ? { logging: {} } : {}),
    ...(extensions ? { extensions } : {}),
    ...(experimental ? { experimental } : {}),
  };
}
