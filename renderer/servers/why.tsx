import type { Explanation } from '../../src/contract/explanation.ts';
import { DecisionWord, type Effect } from '../parts/decision.tsx';

const looks: Record<Effect, string> = {
  allow: 'border-allow-line bg-allow-soft',
  may: 'border-info-line bg-info-soft',
  ask: 'border-ask-line bg-ask-soft',
  deny: 'border-deny-line bg-deny-soft',
};

const says: Record<Effect, string> = {
  allow: 'Your company’s policy allows this tool.',
  may: 'Your company’s policy allows this tool for some arguments. Each call is decided by what it asks for.',
  ask: 'Your company’s policy allows this tool once a call is approved.',
  deny: 'Your company’s policy does not allow this tool.',
};

/** A rule's id that begins so is Gatehouse's own: no rule of the company decided. */
const _isOwn = (rule: string) => rule.startsWith('gatehouse:');

/** The decision in full: what, by which rule, in its author's words, and what was missing. */
export function Why({ verdict, access }: { verdict: Effect; access: Explanation }) {
  return (
    <div className={`rounded-card border p-4 ${looks[verdict]}`}>
      <DecisionWord verdict={verdict} />
      <p className="pt-1 text-13">{says[verdict]}</p>
      <dl className="grid grid-cols-[72px_minmax(0,1fr)] gap-y-1 pt-3 text-13">
        <dt className="text-quiet">Rule</dt>
        <dd className="break-all font-mono">{access.rule}</dd>
        <dt className="text-quiet">Reason</dt>
        <dd className="break-words">{access.reason}</dd>
        {access.missing && (
          <>
            <dt className="text-quiet">{verdict === 'deny' ? 'Missing' : 'Condition'}</dt>
            <dd className="break-words">{access.missing}</dd>
          </>
        )}
        <dt className="text-quiet">Agents</dt>
        <dd>{access.visible ? 'see it in their list' : 'do not see it'}</dd>
        {access.bundleVersion !== undefined && (
          <>
            <dt className="text-quiet">Policy</dt>
            <dd>version {access.bundleVersion}</dd>
          </>
        )}
      </dl>
    </div>
  );
}
