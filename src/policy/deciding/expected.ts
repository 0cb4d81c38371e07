import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { contextPath, operands } from './condition.ts';

type Type = 'string' | 'long' | 'decimal' | 'bool' | 'set' | 'record';

/** What a condition takes an argument for, since it compares it with a value of that type. */
export interface Expected {
  /** Below `context.args`. */
  path: readonly string[];
  types: ReadonlySet<Type>;
  /** Of the members of the list at `path`. */
  each: boolean;
}

type Node = Record<string, unknown>;
const sets = new Set(['groups', 'tags', 'facts', 'paths', 'folders', 'within', 'hosts']);
const longs = new Set(['hour', 'epoch', 'weekday']);
const bools = new Set(['readOnly', 'destructive', 'openWorld', 'managed']);

/**
 * To Cedar `7 == "7"` is false and no error, and so is `"zephyr" == ["zephyr"]`; a server may see one thing in both. So each argument that is compared
 * must be of the type it is compared with, or nothing can be said of the rule. Orders and patterns need no such check: there Cedar errs by itself.
 */
export function expectedTypes(json: PolicyJson): Expected[] {
  const found: Expected[] = [];
  for (const { body } of json.conditions) walk(body, found);
  return found;
}

function walk(expr: Expr, found: Expected[]): void {
  const node = expr as Node;
  const expect = (paths: readonly string[][], types: Iterable<Type | undefined>, each = false) => {
    const known = new Set([...types].filter((type) => type !== undefined));
    if (known.size > 0) for (const path of paths) found.push({ path, types: known, each });
  };
  const equality = (node['=='] ?? node['!=']) as { left: Expr; right: Expr } | undefined;
  if (equality) {
    const { left, right } = equality;
    expect(argumentsIn(left), typesOf(right));
    expect(argumentsIn(right), typesOf(left));
  }
  const contains = node['contains'] as { left: Expr; right: Expr } | undefined;
  if (contains) {
    expect(argumentsIn(contains.right), memberTypes(contains.left));
    expect(argumentsIn(contains.left), ['set']);
    expect(argumentsIn(contains.left), typesOf(contains.right), true);
  }
  const several = (node['containsAll'] ?? node['containsAny']) as { left: Expr; right: Expr } | undefined;
  if (several) {
    for (const [one, other] of [
      [several.left, several.right],
      [several.right, several.left],
    ] as const) {
      expect(argumentsIn(one), ['set']);
      expect(argumentsIn(one), memberTypes(other), true);
    }
  }
  for (const part of operands(expr)) walk(part, found);
}

/** The arguments that an expression gives back, by itself or as one branch or member of it. */
function argumentsIn(expr: Expr): string[][] {
  const path = contextPath(expr);
  if (path) return path[0] === 'args' && path.length > 1 ? [path.slice(1)] : [];
  const node = expr as Node;
  const branches = node['if-then-else'] as { then: Expr; else: Expr } | undefined;
  if (branches) return [...argumentsIn(branches.then), ...argumentsIn(branches.else)];
  return [];
}

function typesOf(expr: Expr): (Type | undefined)[] {
  const node = expr as Node;
  if ('Value' in node) return [typeOf(node['Value'])];
  if ('Set' in node) return ['set'];
  if ('Record' in node) return ['record'];
  if ('decimal' in node) return ['decimal'];
  const branches = node['if-then-else'] as { then: Expr; else: Expr } | undefined;
  if (branches) return [...typesOf(branches.then), ...typesOf(branches.else)];
  if (argumentsIn(expr).length > 0) return [];
  const { attr } = (node['.'] ?? {}) as { attr?: string };
  if (attr === undefined) return [];
  return [sets.has(attr) ? 'set' : longs.has(attr) ? 'long' : bools.has(attr) ? 'bool' : 'string'];
}

function memberTypes(expr: Expr): (Type | undefined)[] {
  const node = expr as Node;
  if (Array.isArray(node['Set'])) return (node['Set'] as Expr[]).flatMap(typesOf);
  if (Array.isArray(node['Value'])) return (node['Value'] as unknown[]).map(typeOf);
  // All our own sets are of texts.
  return argumentsIn(expr).length > 0 ? [] : ['string'];
}

function typeOf(value: unknown): Type | undefined {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'long' : 'decimal';
  if (Array.isArray(value)) return 'set';
  if (typeof value !== 'object' || value === null || '__entity' in value) return undefined;
  return '__extn' in value ? 'decimal' : 'record';
}

/** The first argument that is there and of another type than is expected; undefined where all may be compared. */
export function mistyped<E extends Expected>(expected: readonly E[], args: Readonly<Record<string, unknown>>): E | undefined {
  return expected.find(({ path, types, each }) => {
    let value: unknown = args;
    for (const name of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return false;
      value = (value as Node)[name];
    }
    if (each) return Array.isArray(value) && value.some((one) => !suits(types, one));
    return !suits(types, value);
  });
}

/** A fraction is no whole number to Cedar either; a whole number is no decimal to it, though 7 is 7.0. */
function suits(types: ReadonlySet<Type>, value: unknown): boolean {
  if (value === undefined || value === null) return true;
  const type = typeOf(value);
  return type !== undefined && (types.has(type) || (type === 'decimal' && types.has('long')));
}
