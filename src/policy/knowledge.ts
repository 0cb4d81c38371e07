import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import type { ServerEntry } from '../company/bundle.ts';
import { argumentsOf, mergeRecords, type RecordType } from './arguments.ts';
import { type Action, actionMatches, resourceMatches } from './scope.ts';

export interface KnownServer {
  id: string;
  tools: readonly string[];
  prompts: readonly string[];
  /** URIs and URI templates. */
  resources: readonly string[];
  /** Of each tool, as blessed. A tool without one can be asked anything. */
  inputSchemas?: Readonly<Record<string, unknown>>;
  /** The argument names of each prompt. */
  promptArguments?: Readonly<Record<string, readonly string[]>>;
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
      tools: catalogue.tools.map((tool) => tool.name),
      prompts: catalogue.prompts.map((prompt) => prompt.name),
      resources: [...catalogue.resources.map((one) => one.uri), ...catalogue.resourceTemplates.map((one) => one.uriTemplate)],
      inputSchemas: Object.fromEntries(catalogue.tools.map((tool) => [tool.name, tool['inputSchema']])),
      promptArguments: Object.fromEntries(catalogue.prompts.map((prompt) => [prompt.name, argumentNames(prompt['arguments'])])),
    })),
  };
}

const argumentNames = (list: unknown): string[] =>
  Array.isArray(list) ? list.flatMap((one) => (typeof one?.name === 'string' ? [one.name] : [])) : [];

/** The arguments that calls and prompts may have where this policy's scope can match. */
export interface ScopeArguments {
  call: RecordType;
  get: RecordType;
}

/** Remembers what it worked out: most policies of a company share a few scopes. */
export function openScopeArguments(knowledge: Knowledge): (json: PolicyJson) => ScopeArguments {
  const known = new Map<string, ScopeArguments>();
  const types = new Map<object, Map<string, RecordType>>();
  const toolType = (server: KnownServer, tool: string): RecordType => {
    const ofServer = types.get(server) ?? new Map<string, RecordType>();
    types.set(server, ofServer);
    const type = ofServer.get(tool) ?? argumentsOf(server.inputSchemas?.[tool]);
    ofServer.set(tool, type);
    return type;
  };
  return (json) => {
    const key = JSON.stringify([json.action, json.resource]);
    const cached = known.get(key);
    if (cached) return cached;
    const matching = (action: Action, type: string, names: (server: KnownServer) => readonly string[]) =>
      actionMatches(json.action, action)
        ? knowledge.servers.flatMap((server) =>
            names(server)
              .filter((name) => resourceMatches(json.resource, { type, id: `${server.id}/${name}` }, server.id))
              .map((name) => ({ server, name })),
          )
        : [];
    const made: ScopeArguments = {
      call: mergeRecords(matching('call', 'Tool', (server) => server.tools).map(({ server, name }) => toolType(server, name))),
      get: mergeRecords(matching('get', 'Prompt', (server) => server.prompts).map(({ server, name }) => promptType(server, name))),
    };
    known.set(key, made);
    return made;
  };
}

function promptType(server: KnownServer, prompt: string): RecordType {
  const names = server.promptArguments?.[prompt];
  return { kind: 'record', members: new Map((names ?? []).map((name) => [name, { kind: 'string' }])), open: names === undefined };
}
