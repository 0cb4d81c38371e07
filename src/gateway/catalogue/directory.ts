import { isLegacySchema } from '../../bundle/output-schema.ts';
import { annotated } from '../../bundle/parameters.ts';
import type { Bundle, ServerEntry } from '../../bundle/schema.ts';
import { skillRoot } from '../../bundle/skill.ts';
import { innermost } from '../../policy/deciding/skills.ts';
import { appOnly, pageOf, withPage } from '../../protocol/extensions.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Address } from './address.ts';
import { exposedName, ownName, scopedUri } from './names.ts';
import type { Owner } from './owner.ts';
import { scopedSkill } from './skills.ts';
import { matchesTemplate } from './templates.ts';

/** One thing an agent can name: its server, its upstream's name for it, and its blessed definition as JSON under the name the agent knows. */
export interface Listed {
  owner: Owner;
  name: string;
  exposed: string;
  json: string;
  /** The same for agents of the legacy era, where they cannot read `json`. */
  legacyJson?: string;
  /** `x-mcp-header` parameters of a tool: header suffix -> path of properties (SEP-2243). */
  headers?: Map<string, string[]>;
  /** Listed to agents that show pages only; whoever knows it may call it all the same. */
  appOnly?: boolean;
}

/** All that is behind one address, for any agent; policy decides what an agent may see of it. */
export interface Directory {
  servers: readonly ServerEntry[];
  tools: ReadonlyMap<string, Listed>;
  prompts: ReadonlyMap<string, Listed>;
  resources: ReadonlyMap<string, Listed>;
  templates: ReadonlyMap<string, Listed>;
  skills: ReadonlyMap<string, Listed>;
  /** By the name that agents see; on a server's own address also by the server's own, where that one is too long or too odd to be shown. */
  find(kind: 'tools' | 'prompts', name: string): Listed | undefined;
  /** Which server has a URI, and how it spells it; where several could, the first in registry order. */
  findResource(uri: string): { owner: Owner; uri: string } | undefined;
  /** Remembers which server mentioned a URI in a result (resource_link). Keeps the newest ones up to a bound. */
  mention(owner: Owner, uri: string): void;
}

const maxMentions = 10_000;
/** Characters of one URI: upstreams choose its length, and so many of any length would fill the memory. */
const maxMention = 4096;

/** At the merged address names carry their server's id. */
export function openDirectory(bundle: Bundle, address: Address): Directory {
  const merged = address.kind === 'merged';
  const servers = merged ? bundle.servers : bundle.servers.filter((entry) => entry.id === address.server);
  const tools = new Map<string, Listed>();
  const prompts = new Map<string, Listed>();
  const resources = new Map<string, Listed>();
  const templates = new Map<string, Listed>();
  const skills = new Map<string, Listed>();
  /** Folder of a skill, as agents spell it -> its server. */
  const folders = new Map<string, ServerEntry>();
  for (const entry of servers) {
    for (const skill of entry.catalogue.skills) addSkill({ skills, folders, resources }, entry, skill);
    for (const resource of entry.catalogue.resources) addUri(resources, entry, resource, 'uri', innermost(folders, resource.uri));
    for (const template of entry.catalogue.resourceTemplates) addUri(templates, entry, template, 'uriTemplate');
  }
  const pages = openPages(servers, resources);
  for (const entry of servers) {
    const own = (all: readonly { name: string }[]) => (merged ? undefined : new Set(all.map(({ name }) => name)));
    const ownTools = own(entry.catalogue.tools);
    const ownPrompts = own(entry.catalogue.prompts);
    for (const blessed of entry.catalogue.tools) {
      const page = pageOf(blessed);
      const tool = merged && page !== undefined ? withPage(blessed, pages.exposed(entry, page)) : blessed;
      const parameters = annotated(tool['inputSchema']);
      // A bundle has none whose annotations are wrong: the specification asks clients to leave such a tool out.
      if (parameters) addNamed(tools, entry, tool, ownTools, new Map(parameters.map(({ header, path }) => [suffix(header), path])));
    }
    for (const prompt of entry.catalogue.prompts) addNamed(prompts, entry, prompt, ownPrompts);
  }
  const own = { tools: byOwnName(merged, tools), prompts: byOwnName(merged, prompts) };
  const mentioned = new Map<string, Owner>();
  const byId = new Map(servers.map((entry) => [entry.id, entry]));
  return {
    servers,
    tools,
    prompts,
    resources,
    templates,
    skills,
    find: (kind, name) => (kind === 'tools' ? tools : prompts).get(name) ?? own[kind].get(name),
    findResource(uri) {
      const listed = resources.get(uri) ?? templates.get(uri);
      if (listed) return { owner: listed.owner, uri: listed.name };
      const plus = uri.indexOf('+');
      const scoped = plus > 0 && plus < uri.indexOf(':') ? byId.get(uri.slice(0, plus)) : undefined;
      if (scoped) return { owner: scoped, uri: uri.slice(plus + 1) };
      const owner = innermost(folders, uri) ?? pages.owner(uri) ?? mentioned.get(uri);
      if (owner) return { owner, uri };
      for (const template of templates.values()) if (matchesTemplate(template.name, uri)) return { owner: template.owner, uri };
      const only = servers.length === 1 ? servers[0] : undefined;
      return only ? { owner: only, uri } : undefined;
    },
    mention(owner, uri) {
      if (!merged || uri.length > maxMention || resources.has(uri) || pages.owner(uri) || mentioned.get(uri) === owner) return;
      if (mentioned.size >= maxMentions) mentioned.delete(mentioned.keys().next().value as string);
      mentioned.set(uri, owner);
    },
  };
}

/** Which server has the page of a tool, listed as a resource or not. Of two servers with the same URI the first keeps it as it is. */
function openPages(servers: readonly ServerEntry[], resources: ReadonlyMap<string, Listed>) {
  const listed = new Map([...resources.values()].map(({ owner, name, exposed }) => [`${owner.id}\0${name}`, exposed]));
  const owners = new Map<string, ServerEntry>();
  for (const entry of servers)
    for (const tool of entry.catalogue.tools) {
      const uri = pageOf(tool);
      if (uri !== undefined && !resources.has(uri) && !owners.has(uri)) owners.set(uri, entry);
    }
  return {
    owner: (uri: string) => owners.get(uri),
    exposed: (entry: ServerEntry, uri: string) =>
      listed.get(`${entry.id}\0${uri}`) ?? (owners.get(uri) === entry ? uri : scopedUri(entry.id, uri)),
  };
}

/** `own`: all names of the server on its own address, none of which a shortened one may take; undefined on the merged address. */
function addNamed(
  into: Map<string, Listed>,
  entry: ServerEntry,
  definition: { name: string },
  own: ReadonlySet<string> | undefined,
  headers?: Map<string, string[]>,
) {
  let again = false;
  const taken = (name: string) => {
    if (own?.has(name)) return true;
    const other = into.get(name);
    again ||= other?.owner === entry && other.name === definition.name;
    return other !== undefined && !again;
  };
  const exposed = (own ? ownName : exposedName)(entry.id, definition.name, taken);
  // An upstream that lists a name twice: the first one was blessed, as upstreams answer to it.
  if (again || into.has(exposed)) return;
  const shown: JsonObject = exposed === definition.name ? definition : { ...definition, name: exposed };
  into.set(exposed, {
    owner: entry,
    name: definition.name,
    exposed,
    json: JSON.stringify(shown),
    ...legacyOf(shown),
    ...(headers?.size ? { headers } : {}),
    ...(appOnly(definition) ? { appOnly: true } : {}),
  });
}

/** Any schema may describe a result since 2026-07-28 (SEP-2106); before, none is needed. */
function legacyOf({ outputSchema, ...rest }: JsonObject): { legacyJson?: string } {
  return outputSchema === undefined || isLegacySchema(outputSchema) ? {} : { legacyJson: JSON.stringify(rest) };
}

const byOwnName = (merged: boolean, named: ReadonlyMap<string, Listed>) =>
  new Map(merged ? [] : [...named.values()].filter(({ name, exposed }) => name !== exposed).map((listed) => [listed.name, listed]));

function addUri<Key extends 'uri' | 'uriTemplate'>(
  into: Map<string, Listed>,
  entry: ServerEntry,
  definition: Record<Key, string>,
  key: Key,
  owner = entry,
) {
  const name: string = definition[key];
  const exposed = into.has(name) || owner !== entry ? scopedUri(entry.id, name) : name;
  if (into.has(exposed)) return;
  into.set(exposed, {
    owner: entry,
    name,
    exposed,
    json: JSON.stringify(exposed === name ? definition : { ...definition, [key]: exposed }),
  });
}

/** Where another server's folder or resource clashes with any file of a skill, all URIs of the skill name their server. */
function addSkill(
  into: { skills: Map<string, Listed>; folders: Map<string, ServerEntry>; resources: ReadonlyMap<string, Listed> },
  entry: ServerEntry,
  skill: ServerEntry['catalogue']['skills'][number],
) {
  const root = skillRoot(skill);
  const below = (uri: string) => uri === root || uri.startsWith(`${root}/`);
  const clash =
    (innermost(into.folders, root) ?? entry) !== entry ||
    [...into.folders].some(([folder, owner]) => owner !== entry && below(folder)) ||
    [...into.resources.values()].some(({ owner, exposed }) => owner !== entry && below(exposed));
  if (!clash) into.folders.set(root, entry);
  const shown = clash ? scopedSkill(entry.id, skill) : skill;
  if (into.skills.has(shown.uri)) return;
  into.skills.set(shown.uri, { owner: entry, name: skill.uri, exposed: shown.uri, json: JSON.stringify(shown) });
}

const suffix = (header: string): string => header.slice('mcp-param-'.length).toLowerCase();
