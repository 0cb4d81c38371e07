import { useAsk } from '../ask.ts';
import { Chart } from '../parts/chart.tsx';
import { CopyLine } from '../parts/copy.tsx';
import { Page, Section } from '../parts/page.tsx';
import { Bar, Trouble } from '../parts/state.tsx';
import { href } from '../router.ts';
import { useView } from '../store.ts';
import { count } from '../words.ts';
import { Attention } from './attention.tsx';
import { Connected } from './connected.tsx';
import { LastCall } from './last-call.tsx';
import { Policy } from './policy.tsx';

/** Is it working, what was used, why was that refused: the answer in one look. */
export function OverviewPage() {
  const person = useView((view) => view.identity.person);
  const company = useView((view) => view.company.name);
  const { url, state } = useView((view) => view.gateway);
  const who = [person?.name ?? person?.email, person?.groups.join(', '), company].filter(Boolean).join(' · ');
  return (
    <Page title="Overview" sub={<span className="line-clamp-2">{who}</span>}>
      <LastCall />
      <Attention />
      <div className="grid gap-x-12 gap-y-8 pt-8 lg:grid-cols-[minmax(0,1fr)_320px]">
        <Today />
        <div className="flex min-w-0 flex-col gap-6">
          <Section title="Gateway address">
            {url ? (
              <CopyLine value={url} what="gateway address" />
            ) : (
              <p className="text-13 text-quiet">
                {state === 'failed' ? 'Agents cannot reach the gateway now.' : 'The gateway is not running.'}
              </p>
            )}
          </Section>
          <Policy />
          <Connected />
        </div>
      </div>
    </Page>
  );
}

function Today() {
  const today = useView((view) => view.today);
  const usage = useAsk('usage-get', { range: 'day' }, today.calls + today.denied + today.errors);
  const figures = [
    { word: 'Calls', value: today.calls, tone: '', query: {} },
    { word: 'Denied', value: today.denied, tone: today.denied > 0 ? 'text-deny' : '', query: { decision: 'deny' } },
    { word: 'Errors', value: today.errors, tone: today.errors > 0 ? 'text-ask' : '', query: { outcome: 'error' } },
  ];
  return (
    <Section title="Today">
      <ul className="-mx-3 flex pb-3">
        {figures.map(({ word, value, tone, query }) => (
          <li key={word}>
            <a href={href({ page: 'activity', query })} className="block min-w-24 rounded-card px-3 py-1 hover:bg-hover">
              <span className={`block font-medium text-28 tabular-nums ${tone}`}>{count(value)}</span>
              <span className="block text-13 text-quiet">{word}</span>
            </a>
          </li>
        ))}
      </ul>
      {usage.value ? (
        <Chart usage={usage.value} title="Calls in the last day" />
      ) : usage.error ? (
        <Trouble error={usage.error} title="The use of today could not be read" again={usage.again} />
      ) : (
        <div className="flex h-46 items-end pb-5">{usage.slow && <Bar className="h-30 w-full" />}</div>
      )}
    </Section>
  );
}
