import type { Expr } from '@cedar-policy/cedar-wasm/web';
import { variable } from './condition.ts';

export type Type = 'string' | 'long' | 'decimal' | 'bool' | 'set' | 'record';

/**
 * What is known of the value of an expression before it is evaluated: an argument (a path below `context.args`), a record or list that is written
 * out, a type, or nothing.
 */
export type Term =
  | { kind: 'argument'; path: readonly string[] }
  | { kind: 'record'; members: ReadonlyMap<string, readonly Term[]> }
  | { kind: 'set'; members: readonly Term[] }
  | { kind: 'type'; type: Type }
  | { kind: 'unknown' };

type Node = Record<string, unknown>;
const sets = new Set(['groups', 'tags', 'facts', 'paths', 'folders', 'within', 'hosts']);
const longs = new Set(['hour', 'epoch', 'weekday']);
const bools = new Set(['readOnly', 'destructive', 'openWorld', 'managed']);
const truths = new Set(
  '== != && || ! < <= > >= in is has like contains containsAll containsAny isEmpty lessThan lessThanOrEqual greaterThan greaterThanOrEqual hasTag'.split(
    ' ',
  ),
);
const sums = new Set(['+', '-', '*', 'neg', 'toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays']);

const unknown: Term = { kind: 'unknown' };
const ofType = (type: Type): Term => ({ kind: 'type', type });
/** All our own sets are of texts. */
const texts: Term = { kind: 'set', members: [ofType('string')] };

/** One for each way in which the expression may turn out. */
export function termsOf(expr: Expr): readonly Term[] {
  const node = expr as Node;
  if ('Value' in node) return [ofValue(node['Value'])];
  // Of the context only the arguments come from a stranger.
  if (variable(expr) === 'context') return [{ kind: 'record', members: new Map([['args', [{ kind: 'argument', path: [] }]]]) }];
  const [[operator, body] = ['', undefined]] = Object.entries(node);
  if (operator === 'Set') return [{ kind: 'set', members: distinct((body as Expr[]).flatMap(termsOf)) }];
  if (operator === 'Record')
    return [
      { kind: 'record', members: new Map(Object.entries(body as Record<string, Expr>).map(([name, member]) => [name, termsOf(member)])) },
    ];
  if (operator === 'if-then-else') {
    const branches = body as { then: Expr; else: Expr };
    return distinct([...termsOf(branches.then), ...termsOf(branches.else)]);
  }
  if (operator === '.') {
    const { left, attr } = body as { left: Expr; attr: string };
    return distinct(termsOf(left).flatMap((term) => memberOf(term, attr)));
  }
  if (operator === 'decimal') return [ofType('decimal')];
  return [truths.has(operator) ? ofType('bool') : sums.has(operator) ? ofType('long') : unknown];
}

function memberOf(term: Term, name: string): readonly Term[] {
  if (term.kind === 'argument') return [{ kind: 'argument', path: [...term.path, name] }];
  const written = term.kind === 'record' ? term.members.get(name) : undefined;
  return written ?? [sets.has(name) ? texts : ofType(longs.has(name) ? 'long' : bools.has(name) ? 'bool' : 'string')];
}

function ofValue(value: unknown): Term {
  if (Array.isArray(value)) return { kind: 'set', members: distinct(value.map(ofValue)) };
  const type = typeOf(value);
  if (type !== 'record') return type === undefined ? unknown : ofType(type);
  return { kind: 'record', members: new Map(Object.entries(value as object).map(([name, member]) => [name, [ofValue(member)]])) };
}

/** A list of a thousand texts is one term: equal terms are kept once. */
function distinct(terms: readonly Term[]): readonly Term[] {
  if (terms.length < 2) return terms;
  return [...new Map(terms.map((term) => [keyOf(term), term])).values()];
}

const keyOf = (term: Term): string =>
  JSON.stringify(term, (_name, value: unknown) =>
    value instanceof Map ? { map: [...value].sort(([a], [b]) => (a < b ? -1 : 1)) } : value,
  );

export function typeOf(value: unknown): Type | undefined {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'long' : 'decimal';
  if (Array.isArray(value)) return 'set';
  if (typeof value !== 'object' || value === null || '__entity' in value) return undefined;
  return '__extn' in value ? 'decimal' : 'record';
}

/** Whether an argument is in it, or it is one. */
export function holdsArgument(term: Term): boolean {
  if (term.kind === 'set') return term.members.some(holdsArgument);
  if (term.kind === 'record') return [...term.members.values()].some((all) => all.some(holdsArgument));
  return term.kind === 'argument';
}
