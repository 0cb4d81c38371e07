import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { operands } from './condition.ts';
import { holdsArgument, type Term, type Type, termsOf, typeOf } from './terms.ts';

/** Two expressions that a condition compares; an argument is in at least one of them. */
export interface Expected {
  left: Term;
  right: Term;
}

/** What cannot be compared: an argument (below `context.args`), and what it would have to be. */
export interface Odd {
  path: readonly string[];
  /** Whether it is about the members of the list at `path`. */
  each: boolean;
  /** Another argument, where two are compared. */
  wanted: Set<Type> | { path: readonly string[] };
}

type Node = Record<string, unknown>;
type Sides = { left: Expr; right: Expr };
type Args = Readonly<Record<string, unknown>>;

/**
 * To Cedar `7 == "7"` is false and no error, and so is `"zephyr" == ["zephyr"]`, at any depth of records and lists; a server may see one thing in
 * both. So all arguments that are compared must be of the type that they are compared with, or nothing can be said of the rule. Orders and patterns
 * need no such check: there Cedar errs by itself.
 */
export function expectedTypes(json: PolicyJson): Expected[] {
  const comparisons: Expected[] = [];
  for (const { body } of json.conditions) walk(body, comparisons);
  return comparisons;
}

function walk(expr: Expr, comparisons: Expected[]): void {
  const node = expr as Node;
  const compare = (lefts: readonly Term[], rights: readonly Term[]) => {
    for (const left of lefts)
      for (const right of rights) if (holdsArgument(left) || holdsArgument(right)) comparisons.push({ left, right });
  };
  const equality = (node['=='] ?? node['!='] ?? node['containsAll'] ?? node['containsAny']) as Sides | undefined;
  if (equality) compare(termsOf(equality.left), termsOf(equality.right));
  const contains = node['contains'] as Sides | undefined;
  if (contains) compare(termsOf(contains.left), [{ kind: 'set', members: termsOf(contains.right) }]);
  for (const part of operands(expr)) walk(part, comparisons);
}

/** The first comparison that cannot be made, with the argument that is in its way; undefined where all can. */
export function mistyped<E extends Expected>(expected: readonly E[], args: Args): { comparison: E; odd: Odd } | undefined {
  for (const comparison of expected) {
    const odd = clash(comparison.left, comparison.right, args);
    if (odd) return { comparison, odd };
  }
  return undefined;
}

function clash(left: Term, right: Term, args: Args): Odd | undefined {
  if (left.kind === 'unknown' || right.kind === 'unknown') return undefined;
  if (left.kind === 'argument') {
    const value = valueAt(args, left.path);
    if (value === undefined || value === null) return undefined;
    return right.kind === 'argument'
      ? unlike(left, value, right, valueAt(args, right.path))
      : unsuited(value, right, args, left.path, false);
  }
  if (right.kind === 'argument') return clash(right, left, args);
  if (left.kind === 'record' && right.kind === 'record') {
    for (const [name, terms] of left.members)
      for (const term of terms)
        for (const other of right.members.get(name) ?? []) {
          const odd = clash(term, other, args);
          if (odd) return odd;
        }
    return undefined;
  }
  if (left.kind === 'set' && right.kind === 'set')
    return (
      first(left.members, (member) => among(member, right.members, args)) ??
      first(right.members, (member) => among(member, left.members, args))
    );
  return undefined;
}

/** Compares a member of a written-out list with those of another: it has to be like each argument there, and like one of the rest. */
function among(member: Term, members: readonly Term[], args: Args): Odd | undefined {
  if (!holdsArgument(member)) return undefined;
  return (
    first(members.filter(holdsArgument), (other) => clash(member, other, args)) ??
    none(
      members.filter((other) => !holdsArgument(other)),
      (other) => clash(member, other, args),
    )
  );
}

/** Compares an argument's value (or a member of it) with what is written out. */
function unsuited(value: unknown, term: Term, args: Args, path: readonly string[], each: boolean): Odd | undefined {
  if (value === undefined || value === null || term.kind === 'unknown') return undefined;
  const odd = (type: Type): Odd => ({ path, each, wanted: new Set([type]) });
  if (term.kind === 'argument') {
    const other = valueAt(args, term.path);
    return alike([value, other]) ? undefined : { path, each, wanted: { path: term.path } };
  }
  if (term.kind === 'type') return suits(term.type, value) ? undefined : odd(term.type);
  if (term.kind === 'set') {
    if (!Array.isArray(value)) return odd('set');
    const open = term.members.filter(holdsArgument);
    const fixed = term.members.filter((member) => !holdsArgument(member));
    const plain = fixed.every(({ kind }) => kind === 'type') && open.length === 0;
    for (const entry of value) {
      // The usual list of one type is checked without making any object.
      if (plain && fixed.some((member) => member.kind === 'type' && suits(member.type, entry))) continue;
      const misfit =
        first(open, (member) => unsuited(entry, member, args, path, true)) ??
        none(fixed, (member) => unsuited(entry, member, args, path, true));
      if (misfit) return misfit;
    }
    return undefined;
  }
  if (kindOf(value) !== 'record') return odd('record');
  for (const [name, terms] of term.members) {
    if (!Object.hasOwn(value as object, name)) continue;
    const misfit = first(terms, (alternative) => unsuited((value as Node)[name], alternative, args, each ? path : [...path, name], each));
    if (misfit) return misfit;
  }
  return undefined;
}

function first<T>(all: readonly T[], look: (candidate: T) => Odd | undefined): Odd | undefined {
  for (const candidate of all) {
    const odd = look(candidate);
    if (odd) return odd;
  }
  return undefined;
}

/** What is wrong where none of them fits. Undefined where one fits, or where there are none. */
function none<T>(all: readonly T[], look: (candidate: T) => Odd | undefined): Odd | undefined {
  let merged: Odd | undefined;
  for (const candidate of all) {
    const odd = look(candidate);
    if (!odd) return undefined;
    if (merged && merged.wanted instanceof Set && odd.wanted instanceof Set)
      merged = { ...merged, wanted: new Set<Type>([...merged.wanted, ...odd.wanted]) };
    else merged ??= odd;
  }
  return merged;
}

type Argument = Extract<Term, { kind: 'argument' }>;

const unlike = (left: Argument, value: unknown, right: Argument, other: unknown): Odd | undefined =>
  alike([value, other]) ? undefined : { path: left.path, each: false, wanted: { path: right.path } };

/** Whether values are of one type, and their members, too: in records those of one name, in lists all. Linear in the values. */
function alike(values: readonly unknown[]): boolean {
  const there = values.filter((value) => value !== undefined && value !== null);
  const kinds = new Set(there.map((value) => (typeof value === 'number' ? 'number' : kindOf(value))));
  if (kinds.size > 1) return false;
  const [kind] = kinds;
  if (kind === 'set') return alike((there as unknown[][]).flat(1));
  if (kind !== 'record' || there.length < 2) return true;
  const members = new Map<string, unknown[]>();
  for (const record of there as Node[])
    for (const [name, member] of Object.entries(record)) {
      const all = members.get(name);
      if (all) all.push(member);
      else members.set(name, [member]);
    }
  return [...members.values()].every(alike);
}

function valueAt(args: Args, path: readonly string[]): unknown {
  let value: unknown = args;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Node)[name];
  }
  return value;
}

/** For arguments: an object that looks like one of Cedar's own values is an object like any other. */
const kindOf = (value: unknown): Type | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? 'record' : typeOf(value);

/**
 * A fraction may be compared with a whole number: the two differ to Cedar as to everybody. A whole number may not be compared with a decimal:
 * they differ to Cedar, though 7 is 7.0.
 */
function suits(type: Type, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  const kind = kindOf(value);
  return kind === type || (kind === 'decimal' && type === 'long');
}
