import { ownRules } from '../../contract/rule-ids.ts';
import { depends, derived } from './condition.ts';
import { mistyped, type Odd } from './expected.ts';
import { exemptions, missingConditions } from './explain.ts';
import { joinObligations, type Obligations } from './obligations.ts';
import { examine, type Findings } from './part.ts';
import { type Ask, buildRequest, type Circumstances } from './request.ts';
import type { Rule } from './rule.ts';
import type { Slice } from './slice.ts';
import type { Slots } from './slots.ts';

export interface Decision {
  effect: 'allow' | 'ask' | 'deny';
  /** The rule's id; `gatehouse:...` where no company rule decided. */
  rule: string;
  reason: string;
  /** A condition that did not hold, in words. */
  missing?: string;
  /** May still depend on the arguments. */
  conditional: boolean;
  obligations: Obligations;
}

export function deny(rule: string, reason: string, missing?: string): Decision {
  return { effect: 'deny', rule, reason, ...(missing === undefined ? {} : { missing }), conditional: false, obligations: { redact: [] } };
}

/** What the rules say of a target before anything is called. Ask once, and keep the answer for as long as agent and freshness are the same. */
export function settle(slice: Slice, ask: Ask, circumstances: Circumstances, slots: Slots): Findings | undefined {
  try {
    return examine(slice.permits ? slice.settled : undefined, () => buildRequest(slice.settled!, ask, circumstances), slots);
  } catch {
    return undefined;
  }
}

/**
 * Questions to Cedar, and their answers read fail-closed: Cedar skips a policy whose condition errors, which for a forbid would mean
 * to allow, so any error denies; so does whatever could not be put to it in full.
 */
export function judge(
  slice: Slice,
  ask: Ask,
  circumstances: Circumstances,
  slots: Slots,
  settled: Findings | undefined = settle(slice, ask, circumstances, slots),
): Decision {
  const noPermit = `No company rule lets you ${verbs[ask.action]} this.`;
  if (!slice.permits) return deny(ownRules.noPermit, noPermit);
  const odd = mistyped(slice.expected, ask.args);
  if (odd) return mistypedArgument(odd.comparison.rule, odd.odd);
  const request = slice.open && buildRequest(slice.open, ask, circumstances);
  if (request?.truncated)
    return deny(ownRules.argumentsTooLarge, 'The arguments are too large or too unusual for the company rules to be applied to them.');
  const failed = (missing?: string): Decision =>
    deny(ownRules.policyError, 'The company rules could not be applied to this call.', missing);
  let open: Findings;
  try {
    open = examine(slice.open, () => request!, slots);
  } catch {
    return failed();
  }
  if (!settled) return failed();
  for (const { failure } of [settled, open]) if (failure !== undefined) return failed(failure);

  // A permit whose condition was partly taken for granted may err only because of that: then it may hold.
  const errors = [...settled.errors, ...open.errors];
  const fatal = errors.filter(({ rule }) => !rule.assumed).sort((a, b) => a.rule.index - b.rule.index);
  if (fatal.length > 0) return policyError(fatal[0]!.rule, fatal[0]!.message, ask, request?.underivable);
  const deciding = [...slice.always, ...settled.held, ...open.held, ...errors.map(({ rule }) => rule)].sort((a, b) => a.index - b.index);
  const forbid = deciding.find((rule) => rule.policy.effect === 'forbid');
  if (forbid) return deny(forbid.policy.id, forbid.policy.reason ?? `Refused by rule ${forbid.policy.id}.`, exemptions(forbid));
  if (deciding.length === 0) return deny(ownRules.noPermit, noPermit, explained(slice, ask, circumstances, slots));
  return permitted(deciding);
}

function mistypedArgument(rule: Rule, { path, each, wanted: sought }: Odd): Decision {
  const argument = path.length === 0 ? 'all arguments' : `the argument ${path.join('.')}`;
  const subject = each ? `each member of ${argument}` : argument;
  if (!(sought instanceof Set)) {
    const other = `the argument ${sought.path.join('.')}`;
    return deny(
      ownRules.policyError,
      `Rule ${rule.policy.id} compares ${subject} with ${other}, and here they are of different types.`,
      `${subject} is of one type with ${other}`,
    );
  }
  const wanted = [...sought].map((type) => typeNames[type]).join(' or ');
  return deny(
    ownRules.policyError,
    `Rule ${rule.policy.id} speaks of ${subject} as ${wanted}, and here it is something else.`,
    `${subject} is ${wanted}`,
  );
}

const typeNames = {
  string: 'a text',
  long: 'a whole number',
  decimal: 'a decimal number',
  bool: 'true or false',
  set: 'a list',
  record: 'an object',
};

/** Where the explanation fails, the denial stands without one. */
function explained(slice: Slice, ask: Ask, circumstances: Circumstances, slots: Slots): string | undefined {
  try {
    return missingConditions(slice, buildRequest(slice, ask, circumstances), slots);
  } catch {
    return undefined;
  }
}

const verbs = { discover: 'see', call: 'call', get: 'get', read: 'read' } as const;

function permitted(permits: readonly Rule[]): Decision {
  const broken = permits.find((rule) => rule.broken);
  if (broken)
    return deny(ownRules.policyError, `Rule ${broken.policy.id} asks for something that this version of Gatehouse does not understand.`);
  const obligations = joinObligations(permits.map((rule) => rule.obligations));
  // The rule that asks is named before one that merely permits: it is the one the person must satisfy.
  const first =
    permits.find((rule) => rule.obligations.approval !== undefined && rule.obligations.approval === obligations.approval) ?? permits[0]!;
  return {
    effect: obligations.approval ? 'ask' : 'allow',
    rule: first.policy.id,
    reason: first.policy.reason ?? `Allowed by rule ${first.policy.id}.`,
    conditional: permits.every((rule) => rule.assumed),
    obligations,
  };
}

function policyError(rule: Rule, message: string, ask: Ask, underivable: string | undefined): Decision {
  const uninspected = ask.facts === undefined && rule.mentions.context.has('facts');
  const untold =
    underivable !== undefined &&
    depends(rule.mentions, derived) &&
    `it asks where paths and URLs lead, and that cannot be told: ${underivable}`;
  const why = uninspected ? 'it asks for findings, and nothing was inspected' : untold || message;
  return deny(ownRules.policyError, `Rule ${rule.policy.id} could not be applied to this call, so it is refused: ${why}.`);
}
