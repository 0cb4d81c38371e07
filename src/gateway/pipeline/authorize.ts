import { ownRules } from '../../contract/rule-ids.ts';
import { loadValidation, validationIsLoaded } from '../../policy/deciding/validation.ts';
import type { Decision } from '../../policy/policy.ts';
import type { Outcome } from '../../upstreams/upstream.ts';
import type { Next, Passage, Step } from './call.ts';
import { builtIn, denied } from './denial.ts';

/** Lets pass what the rules allow. What they hide is answered as if it did not exist. */
export const authorize: Step = (call, next) =>
  validationIsLoaded() ? decided(call, next) : loadValidation().then(() => decided(call, next));

/** Not async: a promise of its own would cost each call more than the decision. What is thrown here is caught by audit, like a rejection. */
function decided(call: Passage, next: Next): Promise<Outcome> {
  call.verdict = decide(call);
  return call.verdict.effect === 'allow' ? next(call) : Promise.resolve(denied(call));
}

export function decide(call: Passage): Decision {
  const { context, target, method, agent, args } = call;
  if (!context.policy) return builtIn(context.closed.rule, context.closed.reason);
  if (!context.ledger.healthy())
    return builtIn(ownRules.ledgerFailed, 'The record of calls cannot be written, and nothing may pass unrecorded.');
  if (!target) return builtIn(ownRules.unknown, 'No blessed server offers it.');
  if (method === 'tasks/cancel') return { ...builtIn(ownRules.cancel, 'Who began something may end it.'), effect: 'allow' };
  const ask = (name: string) => met(context.policy!.decide({ action: target.action, server: target.owner.id, name, args, agent }));
  const verdict = ask(target.name);
  if (verdict.effect !== 'allow' || target.filled === undefined) return verdict;
  const filled = ask(target.filled);
  // A URI that may not be read is denied and recorded under its own name, so a hidden one is as hidden here as when it is read.
  if (filled.effect !== 'allow') call.target = { ...target, name: target.filled };
  return filled;
}

/** INVARIANT: an obligation that cannot be met here denies; a rule's author must be able to rely on it. */
function met(verdict: Decision): Decision {
  if (verdict.effect === 'deny') return verdict;
  if (verdict.effect === 'ask' || verdict.obligations.approval)
    return { ...verdict, effect: 'deny', missing: 'an approval, which this version of Gatehouse cannot ask for' };
  if (verdict.obligations.redact.length > 0)
    return { ...verdict, effect: 'deny', missing: 'redaction, which this version of Gatehouse cannot do' };
  return verdict;
}
