import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { uid } from './scope.ts';

/** What a policy's conditions look at: what need not be sent to Cedar, and what its answer can depend on. */
export interface Mentions {
  /** Attributes of `context`; `*` where the context is used as a whole. */
  context: Set<string>;
  /** Attributes of those, as `args.path` or `now.hour`; `now.*` where one is used as a whole. */
  inner: Set<string>;
  groups: Set<string>;
  /** An `in` whose right side is computed: any group may matter. */
  everyGroup: boolean;
  /** Attributes of the principal, not merely who it is. */
  principal: boolean;
  /** What the resource is in. */
  lineage: boolean;
  /** Attributes of the resource; `=` where it matters which one it is, `*` where it is used as a whole. */
  resource: Set<string>;
}

export const noMentions = (): Mentions => ({
  context: new Set(),
  inner: new Set(),
  groups: new Set(),
  everyGroup: false,
  principal: false,
  lineage: false,
  resource: new Set(),
});

/** The attributes of one member of the context that are looked at, or undefined for all of them. */
export function membersOf(mentions: Mentions, name: string): ReadonlySet<string> | undefined {
  if (mentions.context.has('*') || mentions.inner.has(`${name}.*`)) return undefined;
  return new Set(
    [...mentions.inner].filter((attribute) => attribute.startsWith(`${name}.`)).map((attribute) => attribute.slice(name.length + 1)),
  );
}

/** Facts drawn from arguments and URIs. Each may be impossible to derive. */
export const derived: ReadonlySet<string> = new Set(['paths', 'folders', 'within', 'hosts']);
/** What is known only when a thing is called: its arguments, and what is drawn from them. */
export const fromArguments: ReadonlySet<string> = new Set(['args', ...derived, 'facts', '*']);
/** A resource's URI is all there is to reading it, so only what inspection finds is unknown beforehand. */
export const fromReading: ReadonlySet<string> = new Set(['facts', '*']);

/** The same, and the clock: what differs from call to call. */
export const untilCalled: ReadonlySet<string> = new Set([...fromArguments, 'now']);

/** Whether an answer can depend on any of these members of the context. */
export const depends = (mentions: Mentions, unknown: ReadonlySet<string>): boolean =>
  [...mentions.context].some((name) => unknown.has(name));

type Node = Record<string, unknown>;
type Sides = { left: Expr; right: Expr };

export function mentionsOf(json: PolicyJson): Mentions {
  const mentions = noMentions();
  for (const clause of json.conditions) walk(clause.body, mentions);
  return mentions;
}

export function mergeMentions(all: readonly Mentions[]): Mentions {
  const merged = noMentions();
  for (const mentions of all) {
    for (const name of mentions.context) merged.context.add(name);
    for (const name of mentions.inner) merged.inner.add(name);
    for (const name of mentions.resource) merged.resource.add(name);
    for (const name of mentions.groups) merged.groups.add(name);
    merged.everyGroup ||= mentions.everyGroup;
    merged.principal ||= mentions.principal;
    merged.lineage ||= mentions.lineage;
  }
  return merged;
}

export const variable = (expr: unknown): string | undefined => (expr as Node)['Var'] as string | undefined;

/** `["args", "a", "b"]` for `context.args.a.b`; undefined for what is not a chain of attributes on `context`. */
export function contextPath(expr: Expr): string[] | undefined {
  if (variable(expr) === 'context') return [];
  const access = (expr as Node)['.'] as { left: Expr; attr: string } | undefined;
  return access && contextPath(access.left)?.concat(access.attr);
}

/** The same for `X has a.b`, which asks for presence along the chain. */
export function hasPath(expr: Expr): string[] | undefined {
  const has = (expr as Node)['has'] as { left: Expr; attr: string | string[] } | undefined;
  return has && contextPath(has.left)?.concat(has.attr);
}

/** The parts of an expression, whatever its operator. Values and names are not parts. */
export function operands(expr: Expr): Expr[] {
  const [[operator, body] = ['', undefined]] = Object.entries(expr);
  if (operator === 'Value' || operator === 'Var' || operator === 'Slot') return [];
  if (Array.isArray(body)) return body as Expr[];
  if (operator === 'Record') return Object.values(body as Record<string, Expr>);
  return Object.values(body as Node).filter((part): part is Expr => typeof part === 'object' && part !== null && !Array.isArray(part));
}

function walk(expr: Expr, mentions: Mentions): void {
  const path = contextPath(expr) ?? hasPath(expr);
  if (path) {
    seesContext(path, mentions);
    // Whether a fact is there depends on whether it could be derived, so a `has` on a fact depends on the whole context.
    if (hasPath(expr)?.length === 1 && derived.has(path[0]!)) mentions.context.add('*');
    return;
  }
  const node = expr as Node;
  if (node['Var'] === 'principal') mentions.principal = true;
  if (node['Var'] === 'resource') mentions.resource.add('*');
  if ('Value' in node) {
    // An entity that is written out may be the one that is asked about, and then its attributes and parents may be looked at.
    if (groupsIn(node['Value'], mentions)) seesEverything(mentions);
    return;
  }
  const attribute = (node['.'] ?? node['has']) as { left: Expr; attr: string | string[] } | undefined;
  if (attribute && variable(attribute.left) === 'resource') return void mentions.resource.add([attribute.attr].flat()[0]!);
  const equality = (node['=='] ?? node['!=']) as Sides | undefined;
  const membership = (node['in'] ?? node['is']) as { left: Expr; right?: Expr; in?: Expr } | undefined;
  if (membership) {
    const right = membership.right ?? membership.in;
    const onServers = right === undefined || literals(right)?.every((entity) => entity.type === 'Server');
    // All things of one server are in the same servers and of the same type.
    if (variable(membership.left) === 'resource') onServers || mentions.resource.add('=');
    else if (variable(membership.left) !== 'principal') walk(membership.left, mentions);
    if (right === undefined) return;
    if (variable(membership.left) !== 'principal') mentions.lineage = true;
    if (literals(right)) return void groupsIn(right, mentions);
    mentions.everyGroup = true;
    return walk(right, mentions);
  }
  for (const part of operands(expr)) {
    if (equality && variable(part) === 'principal') continue;
    if (equality && variable(part) === 'resource') mentions.resource.add('=');
    else if (equality && 'Value' in part) groupsIn(part.Value, mentions);
    else walk(part, mentions);
  }
}

function seesEverything(mentions: Mentions): void {
  mentions.principal = true;
  mentions.resource.add('*');
  mentions.context.add('agent');
}

function seesContext(path: readonly string[], mentions: Mentions): void {
  mentions.context.add(path[0] ?? '*');
  if (path[0] !== undefined) mentions.inner.add(`${path[0]}.${path[1] ?? '*'}`);
}

/** The entities written out on the right of an `in`, or undefined where they are computed. */
function literals(expr: Expr): { type: string; id: string }[] | undefined {
  const node = expr as Node;
  const value = node['Value'] as Node | undefined;
  if (typeof value === 'object' && value !== null && '__entity' in value) return [uid(value as never)];
  if (!Array.isArray(node['Set'])) return undefined;
  const members = (node['Set'] as Expr[]).map(literals);
  return members.every((member) => member !== undefined) ? members.flat() : undefined;
}

/** Notes the groups that are written out; true where other entities are. */
function groupsIn(value: unknown, mentions: Mentions): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const entity = (value as Node)['__entity'] as { type: string; id: string } | undefined;
  if (entity?.type === 'Group') mentions.groups.add(entity.id);
  const others = Object.values(value).map((part) => groupsIn(part, mentions));
  return (entity !== undefined && entity.type !== 'Group') || others.includes(true);
}

/** `a && b` and `unless { a || b }` taken apart: each part must hold (`when`) or must not (`unless`). */
export function conjuncts(clauses: readonly Clause[]): Clause[] {
  return clauses.flatMap(({ kind, body }) => split(body, kind === 'when' ? '&&' : '||').map((part) => ({ kind, body: part }) as Clause));
}

function split(expr: Expr, operator: '&&' | '||'): Expr[] {
  const sides = (expr as Node)[operator] as Sides | undefined;
  return sides ? [...split(sides.left, operator), ...split(sides.right, operator)] : [expr];
}

/**
 * The conditions, with each part that depends on something still unknown replaced by what the rule needs. They hold whenever
 * the real ones do, so a list that asks them never hides what a call would be allowed.
 */
export function mayHold(clauses: readonly Clause[], unknown: ReadonlySet<string>): Clause[] {
  return clauses.map(({ kind, body }) => ({ kind, body: assume(body, kind === 'when', unknown) }) as Clause);
}

function assume(expr: Expr, wanted: boolean, unknown: ReadonlySet<string>): Expr {
  const mentions = noMentions();
  walk(expr, mentions);
  if (!depends(mentions, unknown)) return expr;
  const node = expr as Node;
  for (const operator of ['&&', '||'] as const) {
    const sides = node[operator] as Sides | undefined;
    if (sides) return { [operator]: { left: assume(sides.left, wanted, unknown), right: assume(sides.right, wanted, unknown) } } as Expr;
  }
  const negated = node['!'] as { arg: Expr } | undefined;
  if (negated) return { '!': { arg: assume(negated.arg, !wanted, unknown) } };
  return { Value: wanted };
}
