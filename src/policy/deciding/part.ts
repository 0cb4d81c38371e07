import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { loadCedar } from './cedar.ts';
import { type Mentions, mergeMentions } from './condition.ts';
import type { CedarRequest } from './request.ts';
import type { Rule } from './rule.ts';
import type { Slots } from './slots.ts';

/**
 * Conditions that are put to Cedar in one question. Scopes were matched before, and Cedar judges each policy by itself, so what is left of a
 * rule is its conditions; those that several rules have in common are asked once.
 */
export interface Part {
  key: string;
  mentions: Mentions;
  groups: readonly string[];
  /** By the number of the conditions: the rules that have them, and the clauses that are put to Cedar. */
  carriers: ReadonlyMap<number, readonly Rule[]>;
  clauses: ReadonlyMap<number, readonly Clause[]>;
  /** Conditions that only forbids have, asked together as "does any hold?": mostly none does, and then it need not be known which. */
  together: readonly number[];
}

/** Of the rules of a part: whose conditions hold, and whose could not be judged. */
export interface Findings {
  held: readonly Rule[];
  errors: readonly { rule: Rule; message: string }[];
  /** Cedar did not take the question. */
  failure?: string;
}

const any = 'any';
/** Sending the groups once costs as much as writing them out this often. */
const maxWrittenOut = 4;

export function makePart(rules: readonly Rule[], groups: readonly string[], prefix: string): Part | undefined {
  if (rules.length === 0) return undefined;
  const carriers = new Map<number, Rule[]>();
  for (const rule of rules) {
    const others = carriers.get(rule.conditions.number);
    if (others) others.push(rule);
    else carriers.set(rule.conditions.number, [rule]);
  }
  const all = [...carriers.values()].map(([first]) => first!.conditions);
  const writtenOut = all.filter((conditions) => conditions.writtenOut).length <= maxWrittenOut;
  const asked = new Map(all.map((conditions) => [conditions.number, (writtenOut && conditions.writtenOut) || conditions]));
  const mentions = mergeMentions([...asked.values()].map((conditions) => conditions.mentions));
  const forbidden = all.filter(
    (conditions) => conditions.joinable && carriers.get(conditions.number)!.every(({ policy }) => policy.effect === 'forbid'),
  );
  const together = forbidden.length > 1 ? forbidden.map((conditions) => conditions.number) : [];
  return {
    key: `${prefix}:${[...asked.keys()].join()}:${together.join()}`,
    mentions,
    groups: mentions.everyGroup ? groups : groups.filter((group) => mentions.groups.has(group)),
    carriers,
    clauses: new Map([...asked].map(([number, conditions]) => [number, conditions.clauses])),
    together,
  };
}

/** Throws what `slots` throws where the conditions cannot be read. */
export function examine(part: Part | undefined, request: () => CedarRequest, slots: Slots): Findings {
  if (!part) return { held: [], errors: [] };
  const asked = request();
  const first = answerOf(part, part.together, asked, slots);
  // Where one of them holds, a second question tells which.
  return first ?? answerOf(part, [], asked, slots)!;
}

/** Undefined where one of `together` holds or could not be judged. */
function answerOf(part: Part, together: readonly number[], asked: CedarRequest, slots: Slots): Findings | undefined {
  const { truncated: _, underivable: __, ...request } = asked;
  const key = together.length > 0 ? part.key : `${part.key}!`;
  const preparsedPolicySetId = slots.use(key, () => policiesOf(part, together));
  const answer = loadCedar().statefulIsAuthorized({ ...request, preparsedPolicySetId });
  if (answer.type === 'failure') return { held: [], errors: [], failure: answer.errors[0]?.message ?? '' };
  const { reason, errors } = answer.response.diagnostics;
  if (reason.includes(any) || errors.some(({ policyId }) => policyId === any)) return undefined;
  const of = (policyId: string): readonly Rule[] => part.carriers.get(Number(policyId))!;
  return {
    held: reason.flatMap(of),
    errors: errors.flatMap(({ policyId, error }) => of(policyId).map((rule) => ({ rule, message: error.message }))),
  };
}

/** All as permits, since Cedar names the policies that hold only for the effect that wins. */
function policiesOf({ clauses }: Part, together: readonly number[]): Record<string, PolicyJson> {
  const policies: Record<string, PolicyJson> = {};
  for (const [number, own] of clauses) if (!together.includes(number)) policies[String(number)] = permit(own);
  if (together.length > 0) policies[any] = permit([{ kind: 'when', body: anyOf(together.map((number) => clauses.get(number)!)) }]);
  return policies;
}

const permit = (conditions: readonly Clause[]): PolicyJson => ({
  effect: 'permit',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
  conditions: [...conditions],
});

/**
 * A set and not a chain of `||`, which would grow as deep as there are rules. It errs where any of them errs; with the `!` it also errs where one
 * is no boolean.
 */
const anyOf = (lists: readonly (readonly Clause[])[]): Expr => ({
  contains: { left: { Set: lists.map((clauses): Expr => ({ '!': { arg: conjunction(clauses) } })) }, right: { Value: false } },
});

const conjunction = (clauses: readonly Clause[]): Expr =>
  clauses
    .map(({ kind, body }): Expr => (kind === 'when' ? body : { '!': { arg: body } }))
    .reduce((left, right): Expr => ({ '&&': { left, right } }));
