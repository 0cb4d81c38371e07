import type { Clause } from '@cedar-policy/cedar-wasm/web';
import { type Cedar, loadCedar } from './cedar.ts';

const head = 'permit(principal, action, resource) when { ';
const maxText = 300;
const texts = new WeakMap<object, string>();

/** One condition as its author could have written it, without the braces. Each is worded once. */
export function conditionText(clause: Clause): string {
  const cached = texts.get(clause.body);
  if (cached !== undefined) return cached;
  const text = word(loadCedar(), clause);
  texts.set(clause.body, text);
  return text;
}

function word(cedar: Cedar, clause: Clause): string {
  const answer = cedar.policyToText({
    effect: 'permit',
    principal: { op: 'All' },
    action: { op: 'All' },
    resource: { op: 'All' },
    conditions: [{ kind: 'when', body: clause.body }],
  });
  if (answer.type === 'failure' || !answer.text.startsWith(head)) return 'a condition of the rule';
  const body = answer.text.slice(head.length, answer.text.lastIndexOf('}')).trim();
  const text = clause.kind === 'when' ? body : `not (${body})`;
  return text.length > maxText ? `${text.slice(0, maxText)}...` : text;
}
