import type { Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import type { ArgumentType, RecordType } from '../deciding/arguments.ts';
import { contextPath, hasPath, operands } from '../deciding/condition.ts';
import { escapeKey } from '../deciding/encode.ts';

/** The part of a path such as `context.args.a.b` that the schema declares. Undefined for a path that stays inside the schema. */
function declaredPart(path: readonly string[], types: readonly RecordType[]): readonly string[] | undefined {
  if (path[0] !== 'args') return undefined;
  const parts = types.map((type) => leaves(path.slice(1), type)).filter((length) => length !== undefined);
  return parts.length > 0 ? path.slice(0, 1 + Math.min(...parts)) : undefined;
}

function leaves(path: readonly string[], root: RecordType): number | undefined {
  let at: ArgumentType = root;
  for (const [depth, name] of path.entries()) {
    if (at.kind !== 'record') return undefined;
    const member: ArgumentType | undefined = [...at.members].find(([key]) => escapeKey(key) === name)?.[1];
    if (!member) return at.open ? depth : undefined;
    if (member.kind === 'any') return depth + 1;
    at = member;
  }
  return undefined;
}

/** Whether a policy looks at an argument that the schema cannot express. */
export function leavesSchema(json: PolicyJson, types: readonly RecordType[]): boolean {
  return json.conditions.some((clause) => outside(clause.body, types).length > 0);
}

/** The paths in an expression that leave the schema, as far as it declares them. */
function outside(expr: Expr, types: readonly RecordType[]): (readonly string[])[] {
  // `has` asks only for presence: its last step need not be of a known type.
  const path = contextPath(expr) ?? hasPath(expr)?.slice(0, -1);
  if (path) {
    const part = declaredPart(path, types);
    return part ? [part] : [];
  }
  return operands(expr).flatMap((part) => outside(part, types));
}

/**
 * The policy with every comparison that the schema cannot judge replaced by one that it can, so that Cedar still checks all the rest,
 * guards included: a valid policy is never refused for the type of an argument that the schema could not express.
 */
export function abstracted(json: PolicyJson, types: readonly RecordType[]): PolicyJson {
  return { ...json, conditions: json.conditions.map((clause) => ({ ...clause, body: replace(clause.body, types) })) };
}

/** A boolean about which the schema says nothing. */
const unknowable: Expr = { contains: { left: { '.': { left: { Var: 'context' }, attr: 'facts' } }, right: { Value: '' } } };

function replace(expr: Expr, types: readonly RecordType[]): Expr {
  const paths = outside(expr, types);
  if (paths.length === 0) return expr;
  const node = expr as Record<string, unknown>;
  for (const operator of ['&&', '||'] as const) {
    const sides = node[operator] as { left: Expr; right: Expr } | undefined;
    if (sides) return { [operator]: { left: replace(sides.left, types), right: replace(sides.right, types) } } as Expr;
  }
  const negated = node['!'] as { arg: Expr } | undefined;
  if (negated) return { '!': { arg: replace(negated.arg, types) } };
  if (branches(expr)) return unknowable;
  return paths
    .filter((path) => path.length > 1)
    .map(access)
    .map((attribute): Expr => ({ '==': { left: attribute, right: attribute } }))
    .reduce((left, right): Expr => ({ '&&': { left, right } }), unknowable);
}

/** Guards inside an operand cannot be kept apart from what they guard. */
const branches = (expr: Expr): boolean =>
  operands(expr).some((part) => '&&' in part || '||' in part || 'if-then-else' in part || branches(part));

const access = (path: readonly string[]): Expr => path.reduce<Expr>((left, attr) => ({ '.': { left, attr } }), { Var: 'context' });
