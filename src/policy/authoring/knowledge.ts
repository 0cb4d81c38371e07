import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { readable } from '../../bundle/readable.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { argumentsOf, mergeRecords, type RecordType } from '../deciding/arguments.ts';
import { type Action, actionMatches, resourceMatches } from '../deciding/scope.ts';

export interface KnownServer {
  id: string;
  /** A bare name says nothing of its arguments: then anything may be asked of them. */
  tools: readonly (string | { name: string; inputSchema?: unknown })[];
  prompts: readonly (string | { name: string; arguments?: unknown })[];
  /** URIs, of skills too, and URI templates. */
  resources: readonly string[];
}

/** What exists in the company, so that a policy that names something else is noticed before it silently never matches. */
export interface Knowledge {
  servers: readonly KnownServer[];
  /** Left empty: groups are not checked. */
  groups: readonly string[];
}

export function knowledgeOf(servers: readonly Pick<ServerEntry, 'id' | 'catalogue'>[], groups: readonly string[]): Knowledge {
  return {
    groups,
    servers: servers.map(({ id, catalogue }) => ({
      id,
      tools: catalogue.tools,
      prompts: catalogue.prompts,
      resources: readable(catalogue),
    })),
  };
}

export const nameOf = (entry: string | { name: string }): string => (typeof entry === 'string' ? entry : entry.name);

/** The arguments that calls and prompts may have where this policy's scope can match. */
export interface ScopeArguments {
  call: RecordType;
  get: RecordType;
}

/** Remembers what it worked out: most policies of a company share a few scopes. */
export function openScopeArguments(knowledge: Knowledge): (json: PolicyJson) => ScopeArguments {
  const cache = new Map<string, ScopeArguments>();
  const types = new Map<object, RecordType>();
  const toolType = (tool: KnownServer['tools'][number]): RecordType => {
    if (typeof tool === 'string') return argumentsOf(undefined);
    const type = types.get(tool) ?? argumentsOf(tool.inputSchema);
    types.set(tool, type);
    return type;
  };
  return (json) => {
    const key = JSON.stringify([json.action, json.resource]);
    const cached = cache.get(key);
    if (cached) return cached;
    const matching = <T extends string | { name: string }>(
      action: Action,
      type: string,
      list: (server: KnownServer) => readonly T[],
    ): T[] =>
      actionMatches(json.action, action)
        ? knowledge.servers.flatMap((server) =>
            list(server).filter((entry) => resourceMatches(json.resource, { type, id: `${server.id}/${nameOf(entry)}` }, server.id)),
          )
        : [];
    const tools = matching('call', 'Tool', (server) => server.tools);
    const prompts = matching('get', 'Prompt', (server) => server.prompts);
    // Where nothing matches yet there is nothing to check arguments against.
    const made: ScopeArguments =
      tools.length + prompts.length === 0
        ? { call: argumentsOf(undefined), get: argumentsOf(undefined) }
        : { call: mergeRecords(tools.map(toolType)), get: mergeRecords(prompts.map(promptType)) };
    cache.set(key, made);
    return made;
  };
}

/** A prompt's arguments are strings by the protocol; a definition without any takes none. */
function promptType(prompt: KnownServer['prompts'][number]): RecordType {
  if (typeof prompt === 'string') return argumentsOf(undefined);
  const list: unknown[] = Array.isArray(prompt.arguments) ? prompt.arguments : [];
  const names = list.flatMap((argument) =>
    typeof (argument as { name?: unknown } | null)?.name === 'string' ? [(argument as { name: string }).name] : [],
  );
  return { kind: 'record', members: new Map(names.map((name) => [name, { kind: 'string' }])), open: false };
}
