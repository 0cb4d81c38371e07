import type { Policy } from '../policy/policy.ts';
import type { Directory, Listed } from './directory.ts';
import type { JsonObject } from './upstreams/upstream.ts';

export type ListMethod = 'tools/list' | 'prompts/list' | 'resources/list' | 'resources/templates/list';

/** What one agent sees at one address: the blessed definitions that policy shows it, serialised once. */
export interface Surface {
  directory: Directory;
  /** `"tools":[...]`, without the braces, so that an era can add its own fields. */
  list(method: ListMethod): string;
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
} as const;

export const isListMethod = (method: string): method is ListMethod => Object.hasOwn(kinds, method);

export function openSurface(options: {
  directory: Directory;
  policy: Policy | undefined;
  agent: string;
  server: string | undefined;
  version: string;
}): Surface {
  const { directory, policy, agent } = options;
  const cached = new Map<ListMethod, string>();
  const list = (method: ListMethod): string => {
    let text = cached.get(method);
    if (text === undefined) {
      const { key, action, of } = kinds[method];
      text = `"${key}":[${shown(of(directory), action, policy, agent).join(',')}]`;
      cached.set(method, text);
    }
    return text;
  };
  const blessed = options.server === undefined ? undefined : directory.servers[0]?.catalogue;
  return {
    directory,
    list,
    mark: list,
    serverInfo: blessed?.serverInfo ?? { name: 'gatehouse', title: 'Gatehouse', version: options.version },
    capabilities: capabilities(directory),
    instructions: blessed ? blessed.instructions : mergedInstructions(directory, policy, agent),
  };
}

function shown(all: ReadonlyMap<string, Listed>, action: 'call' | 'get' | 'read', policy: Policy | undefined, agent: string): string[] {
  if (!policy) return [];
  const out: string[] = [];
  let server: string | undefined;
  let verdicts: ReturnType<Policy['list']> | undefined;
  for (const item of all.values()) {
    if (item.entry.id !== server) {
      server = item.entry.id;
      verdicts = policy.list(action, server, agent);
    }
    const verdict = verdicts!.get(item.name);
    if (verdict && verdict.effect !== 'deny') out.push(item.json);
  }
  return out;
}

/** Stated for what the gateway can do; a kind that no server behind the address has is left out. */
function capabilities(directory: Directory): JsonObject {
  const has = (name: string) => directory.servers.some((entry) => entry.catalogue.capabilities[name] !== undefined);
  const resources = directory.resources.size + directory.templates.size > 0 || has('resources');
  return {
    tools: { listChanged: true },
    ...(directory.prompts.size > 0 || has('prompts') ? { prompts: { listChanged: true } } : {}),
    ...(resources ? { resources: { subscribe: true, listChanged: true } } : {}),
    ...(has('completions') ? { completions: {} } : {}),
    ...(has('logging') ? { logging: {} } : {}),
  };
}

function mergedInstructions(directory: Directory, policy: Policy | undefined, agent: string): string {
  const servers = policy ? directory.servers.filter((entry) => policy.canDiscover(entry.id, agent).effect !== 'deny') : [];
  if (servers.length === 0) return 'Gatehouse: no server may be used here at present. The person can see why in the Gatehouse window.';
  const lines = servers.map((entry) => `- ${entry.id}: ${entry.title}. ${entry.description}`);
  return `Tools of several company servers, each named SERVER__TOOL. What policy does not allow is not listed.\n${lines.join('\n')}`;
}
