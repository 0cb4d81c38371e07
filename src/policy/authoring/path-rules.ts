import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { contextPath, operands } from '../deciding/condition.ts';
import type { Finding } from './check.ts';
import { broadly, type Fact, strictly, Unmatchable } from './path-literals.ts';

type Node = Record<string, unknown>;
type Sides = { left: Expr; right: Expr };
/** What follows where an expression holds: a refusal, a permission, or either. */
type Towards = 'refusing' | 'permitting' | 'either';
const opposite: Record<Towards, Towards> = { refusing: 'permitting', permitting: 'refusing', either: 'either' };
const facts: ReadonlySet<string> = new Set(['paths', 'folders', 'within'] satisfies Fact[]);

/**
 * The policy with each path that it names in the form of the facts. Where a match refuses, it is met by every spelling that some system takes for
 * that path, and by calls that reach it from above. Where a match permits, it is met by that path alone.
 */
export function bringPaths(json: PolicyJson): { json: PolicyJson; findings: Finding[] } {
  const findings = new Map<string, Finding>();
  const note = (finding: Finding): void => void findings.set(`${finding.near} ${finding.message}`, finding);
  const conditions = json.conditions.map(
    (clause) =>
      ({
        ...clause,
        body: bring(clause.body, (json.effect === 'forbid') === (clause.kind === 'when') ? 'refusing' : 'permitting', note),
      }) as Clause,
  );
  return { json: { ...json, conditions }, findings: [...findings.values()] };
}

function bring(expr: Expr, towards: Towards, note: (finding: Finding) => void): Expr {
  if (!mentions(expr)) return expr;
  const node = expr as Node;
  const go = (part: Expr, way = towards): Expr => bring(part, way, note);
  for (const operator of ['&&', '||'] as const) {
    const sides = node[operator] as Sides | undefined;
    if (sides) return { [operator]: { left: go(sides.left), right: go(sides.right) } } as Expr;
  }
  const negated = node['!'] as { arg: Expr } | undefined;
  if (negated) return { '!': { arg: go(negated.arg, opposite[towards]) } };
  const branches = node['if-then-else'] as Record<string, Expr> | undefined;
  if (branches) {
    const parts = Object.entries(branches).map(([name, part]) => [name, go(part, name === 'if' ? 'either' : towards)]);
    return { 'if-then-else': Object.fromEntries(parts) } as Expr;
  }
  for (const operator of ['contains', 'containsAny', 'containsAll'] as const) {
    const sides = node[operator] as Sides | undefined;
    if (sides) return question(operator, sides, towards, note) ?? expr;
  }
  const empty = node['isEmpty'] as { arg: Expr } | undefined;
  if (empty && factOf(empty.arg)) return expr;
  for (const part of operands(expr)) go(part, 'either');
  if (operands(expr).some(factOf)) refuseUse(factOf(operands(expr).find(factOf)!)!, note);
  return expr;
}

function question(
  operator: 'contains' | 'containsAny' | 'containsAll',
  { left, right }: Sides,
  towards: Towards,
  note: (finding: Finding) => void,
) {
  const swapped = operator === 'containsAny' && factOf(right) !== undefined;
  const [asked, compared] = swapped ? [right, left] : [left, right];
  const fact = factOf(asked);
  const texts = operator === 'contains' ? textsOf({ Set: [compared] }) : textsOf(compared);
  if (!fact || !texts || texts.length === 0) {
    const other = [left, right].map(factOf).find((candidate) => candidate !== undefined);
    if (other) refuseUse(other, note);
    else for (const part of [left, right]) bring(part, 'either', note);
    return undefined;
  }
  if (towards === 'either') {
    note({
      severity: 'error',
      message: `what is said of context.${fact} is compared, or chosen by, instead of being a condition of its own`,
      fix: 'write it with "&&", "||" and "!", so that it is certain whether a match permits or refuses',
      near: `context.${fact}`,
    });
    return undefined;
  }
  advise(fact, towards, texts, note);
  const broad = towards === 'refusing' && fact !== 'within';
  const forms = texts.flatMap((text) => {
    try {
      return [broad ? broadly(text) : [strictly(text)]];
    } catch (error) {
      if (!(error instanceof Unmatchable)) throw error;
      const near = JSON.stringify(text);
      note({ severity: 'error', message: `context.${fact} never has ${near}: it ${error.message}`, fix: error.fix, near });
      return [];
    }
  });
  if (forms.length < texts.length) return undefined;
  const set = (some: readonly string[]): Expr => ({ Set: [...new Set(some)].map((text): Expr => ({ Value: text })) });
  if (operator === 'containsAll' && broad)
    return forms
      .map((some): Expr => ({ containsAny: { left: asked, right: set(some) } }))
      .reduce((a, b): Expr => ({ '&&': { left: a, right: b } }));
  const all = forms.flat();
  if (operator === 'contains' && all.length === 1) return { contains: { left: asked, right: { Value: all[0]! } } } satisfies Expr;
  return { [operator === 'containsAll' ? 'containsAll' : 'containsAny']: { left: asked, right: set(all) } } as unknown as Expr;
}

function advise(fact: Fact, towards: Towards, texts: readonly string[], note: (finding: Finding) => void): void {
  const near = `context.${fact}`;
  const named = JSON.stringify(texts[0]);
  if (fact === 'within' && towards === 'refusing')
    note({
      severity: 'warning',
      message: 'context.within holds only while every path is there, so one more path in the call turns this refusal off',
      fix: `write context.folders.contains(${named})`,
      near,
    });
  if (fact !== 'within' && towards === 'permitting')
    note({
      severity: 'warning',
      message: `context.${fact} holds where one of the paths is there, so this lets the others of the call lead anywhere`,
      fix: `write context.within.contains(${named})`,
      near,
    });
}

function refuseUse(fact: Fact, note: (finding: Finding) => void): void {
  note({
    severity: 'error',
    message: `context.${fact} is not asked for paths that are written out`,
    fix: `write context.${fact}.contains("/srv/x"), containsAny(["/srv/x"]) or containsAll(["/srv/x"]); for "nothing outside /srv/x" write context.within.contains("/srv/x")`,
    near: `context.${fact}`,
  });
}

function factOf(expr: Expr): Fact | undefined {
  const path = contextPath(expr);
  return path?.length === 1 && facts.has(path[0]!) ? (path[0] as Fact) : undefined;
}

const mentions = (expr: Expr): boolean => factOf(expr) !== undefined || operands(expr).some(mentions);

/** The texts of a set that is written out, in either form that Cedar has for it. */
function textsOf(expr: Expr): string[] | undefined {
  const node = expr as Node;
  const members = Array.isArray(node['Set']) ? (node['Set'] as Node[]).map((member) => member['Value']) : node['Value'];
  return Array.isArray(members) && members.every((text) => typeof text === 'string') ? members : undefined;
}
