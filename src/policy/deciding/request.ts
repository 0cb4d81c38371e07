import type { AuthorizationCall, CedarValueJson, EntityJson } from '@cedar-policy/cedar-wasm/web';
import type { Freshness, ServerEntry, ToolFacts } from '../../bundle/schema.ts';
import { type Mentions, membersOf } from './condition.ts';
import { hostFacts, pathFacts, type Subject } from './derive.ts';
import { encodeArguments } from './encode.ts';
import { placeOf } from './paths.ts';
import { type Action, resourceType } from './scope.ts';
import { shapeOf } from './shape.ts';

/** Who asks, from where and when: the same for every question until the clock moves. */
export interface Circumstances {
  person: string;
  /** All groups of the signed bundle; `slice.groups` says which become parents. */
  groups: readonly string[];
  device: { os: string; appVersion: string; managed: boolean };
  freshness: Freshness;
  now: number;
}

export interface Ask {
  action: Action;
  server: ServerEntry;
  name: string;
  agent: string;
  args: Readonly<Record<string, unknown>>;
  /** Undefined: nothing was inspected, which is not the same as nothing found. */
  facts: readonly string[] | undefined;
}

export interface CedarRequest extends Omit<AuthorizationCall, 'policies' | 'schema'> {
  /** Something that the rules look at did not fit. */
  truncated: boolean;
  /** Why a fact that the rules look at is not there, as a clause. */
  underivable: string | undefined;
}

type Json = Record<string, CedarValueJson>;

/** What Cedar is asked, cut down to what this slice looks at: each entity, parent and member that is sent costs time. */
export function buildRequest(
  slice: { mentions: Mentions; groups: readonly string[] },
  ask: Ask,
  circumstances: Circumstances,
): CedarRequest {
  const { mentions } = slice;
  const principal = { type: 'User', id: circumstances.person.toWellFormed() };
  const id = ask.action === 'discover' ? ask.server.id : `${ask.server.id}/${ask.name}`.toWellFormed();
  const resource = { type: resourceType[ask.action], id };
  const entities: EntityJson[] = [];
  if (mentions.principal || slice.groups.length > 0) {
    entities.push({
      uid: principal,
      attrs: mentions.principal ? { groups: circumstances.groups.map((group) => group.toWellFormed()) } : {},
      parents: slice.groups.map((group) => ({ type: 'Group', id: group.toWellFormed() })),
    });
  }
  if (mentions.lineage || mentions.resource.size > 0) entities.push(...resourceEntities(ask, resource, mentions.resource));
  const context: Json = {};
  let truncated = false;
  const wants = (name: string): boolean => mentions.context.has(name) || mentions.context.has('*');
  if (wants('args')) {
    const encoded = encodeArguments(ask.args, membersOf(mentions, 'args'));
    context['args'] = encoded.value;
    truncated ||= encoded.truncated;
  }
  let underivable: string | undefined;
  const tell = (why: string): void => void (underivable ??= why);
  // A fact that cannot be derived is left out, so that each rule that asks for it errs, which denies.
  if (wants('paths') || wants('folders') || wants('within')) Object.assign(context, pathFacts(subjectOf(ask, circumstances), tell));
  if (wants('hosts')) {
    const hosts = hostFacts(subjectOf(ask, circumstances), tell);
    if (hosts) context['hosts'] = hosts;
  }
  truncated ||= underivable !== undefined && mentions.context.has('*');
  if (wants('agent')) {
    const agent = { type: 'Agent', id: ask.agent.toWellFormed() };
    context['agent'] = { __entity: agent };
    entities.push({ uid: agent, attrs: { name: agent.id }, parents: [] });
  }
  if (wants('now')) context['now'] = pick(clock(circumstances.now), membersOf(mentions, 'now'));
  if (wants('device')) context['device'] = pick({ ...circumstances.device }, membersOf(mentions, 'device'));
  if (wants('bundle')) context['bundle'] = { freshness: circumstances.freshness };
  if (wants('facts') && ask.facts) context['facts'] = [...ask.facts];
  return { principal, action: { type: 'Action', id: ask.action }, resource, context, entities, truncated, underivable };
}

function subjectOf(ask: Ask, { device }: Circumstances): Subject {
  const { server, action, name } = ask;
  const onWindows = server.launch !== undefined && device.os === 'win32';
  const place = placeOf(server.roots, onWindows);
  const recursive = action !== 'call' || (factsOf(server, name).recursive ?? true);
  if (action === 'read') return { value: name, shape: undefined, place, recursive };
  return { value: ask.args, shape: action === 'discover' ? { members: new Map() } : shapeOf(server, action, name), place, recursive };
}

/** UTC throughout: a time zone is the laptop's to choose, and one rule should mean one time everywhere. */
function clock(now: number): Json {
  const date = new Date(now);
  return { epoch: Math.floor(now / 1000), hour: date.getUTCHours(), weekday: date.getUTCDay() || 7, iso: date.toISOString() };
}

/** Facts that the bundle does not state are taken at their worst. */
const unstated: ToolFacts = { readOnly: false, destructive: true, openWorld: true, tags: [] };

/** What the company says of a tool; never what an upstream says of it at run time. */
export function factsOf(server: ServerEntry, tool: string): ToolFacts {
  return Object.hasOwn(server.tools, tool) ? server.tools[tool]! : unstated;
}

function resourceEntities(ask: Ask, uid: { type: string; id: string }, wanted: ReadonlySet<string>): EntityJson[] {
  const { dataClass, trust, owner } = ask.server;
  const parent = { type: 'Server', id: ask.server.id };
  const only = wanted.has('*') ? undefined : wanted;
  if (ask.action === 'discover') return [{ uid: parent, attrs: pick({ dataClass, trust, owner }, only), parents: [] }];
  const attrs: Json = { server: { __entity: parent }, [ask.action === 'read' ? 'uri' : 'name']: ask.name.toWellFormed() };
  if (ask.action === 'call') {
    const { readOnly, destructive, openWorld, tags } = factsOf(ask.server, ask.name);
    Object.assign(attrs, { readOnly, destructive, openWorld, tags });
  }
  const entity: EntityJson = { uid, attrs: pick(attrs, only), parents: [parent] };
  const server: EntityJson = { uid: parent, attrs: { dataClass, trust, owner }, parents: [] };
  return only && !only.has('server') ? [entity] : [entity, server];
}

function pick(all: Json, only: ReadonlySet<string> | undefined): Json {
  return only ? Object.fromEntries(Object.entries(all).filter(([name]) => only.has(name))) : all;
}
