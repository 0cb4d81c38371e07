import type { Clause, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { loadCedar } from './cedar.ts';
import { conjuncts } from './condition.ts';
import type { CedarRequest } from './request.ts';
import type { Rule } from './rule.ts';
import type { Slice } from './slice.ts';
import type { Slots } from './slots.ts';
import { conditionText } from './words.ts';

const maxRules = 3;

/**
 * Why no permit applied although some were meant for this: of each the first condition that did not hold, in its author's terms.
 * One more question to Cedar, with every condition as a policy of its own.
 */
export function missingConditions(slice: Slice, request: CedarRequest, slots: Slots): string | undefined {
  const permits = slice.rules.filter((rule) => rule.policy.effect === 'permit').slice(0, maxRules);
  const parts = permits.map((rule) => conjuncts(rule.json.conditions));
  const name = slots.use(`${slice.key}?`, () => {
    const all: Record<string, PolicyJson> = {};
    for (const [at, clauses] of parts.entries()) for (const [part, clause] of clauses.entries()) all[`${at}.${part}`] = alone(clause);
    return all;
  });
  const { truncated: _, underivable: __, ...asked } = request;
  const answer = loadCedar().statefulIsAuthorized({ ...asked, preparsedPolicySetId: name });
  if (answer.type === 'failure') return undefined;
  const held = new Set(answer.response.diagnostics.reason);
  const words = permits.flatMap((rule, at) => {
    const failed = parts[at]!.findIndex((_clause, part) => !held.has(`${at}.${part}`));
    return failed < 0 ? [] : [{ rule: nameOf(rule), text: conditionText(parts[at]![failed]!) }];
  });
  // A condition on the resource alone only says that the rule is about something else: no news where another rule is about this.
  const telling = words.filter(({ text }) => /\b(context|principal)\b/.test(text));
  const said = (telling.length > 0 ? telling : words).map(({ rule, text }) => `${rule} asks for ${text}`);
  return said.length > 0 ? said.join('; or ') : undefined;
}

/** The conditions under which a forbid would not have applied. */
export function exemptions(rule: Rule): string | undefined {
  const texts = rule.json.conditions.flatMap((clause) => (clause.kind === 'unless' ? [conditionText({ ...clause, kind: 'when' })] : []));
  return texts.length > 0 ? `${rule.policy.id} does not apply where ${texts.join(' or ')}` : undefined;
}

const nameOf = (rule: Rule): string => (rule.policy.reason ? `${rule.policy.id} (${rule.policy.reason})` : rule.policy.id);

const alone = (clause: Clause): PolicyJson => ({
  effect: 'permit',
  principal: { op: 'All' },
  action: { op: 'All' },
  resource: { op: 'All' },
  conditions: [clause],
});
