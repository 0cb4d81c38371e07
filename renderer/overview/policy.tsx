import { CircleCheck, Hourglass, ShieldAlert } from 'lucide-react';
import { Section } from '../parts/page.tsx';
import { useNow } from '../parts/time.tsx';
import { useView } from '../store.ts';
import { ago, exact } from '../words.ts';

const looks = {
  fresh: { icon: CircleCheck, word: 'Up to date', ink: 'text-allow' },
  stale: { icon: Hourglass, word: 'Stale', ink: 'text-stale' },
  expired: { icon: ShieldAlert, word: 'Expired', ink: 'text-deny' },
  refused: { icon: ShieldAlert, word: 'Refused', ink: 'text-deny' },
  none: { icon: ShieldAlert, word: 'None yet', ink: 'text-ask' },
} as const;

/** Which bundle decides, and until when it may. */
export function Policy() {
  const bundle = useView((view) => view.bundle);
  const now = useNow();
  const { icon: Icon, word, ink } = looks[bundle.state];
  const limit = bundle.state === 'fresh' ? bundle.staleAfter : bundle.notAfter;
  return (
    <Section title="Policy">
      <p className="flex flex-wrap items-center gap-x-2 text-14">
        <span className={`inline-flex items-center gap-1.5 font-medium ${ink}`}>
          <Icon aria-hidden /> {word}
        </span>
        {bundle.version !== undefined && <span>version {bundle.version}</span>}
      </p>
      <p className="pt-0.5 text-13 text-quiet">
        {bundle.issuedAt ? (
          <span title={exact(bundle.issuedAt)}>Issued {ago(bundle.issuedAt, now)}</span>
        ) : (
          'Nothing is allowed until it is here'
        )}
        {limit && (
          <span title={exact(limit)}>
            {bundle.state === 'fresh' ? ', fresh for ' : Date.parse(limit) > now ? ', expires ' : ', expired '}
            {bundle.state === 'fresh' ? ago(limit, now).replace('in ', '') : ago(limit, now)}
          </span>
        )}
      </p>
    </Section>
  );
}
