import { CircleDashed, ShieldAlert, ShieldCheck, TriangleAlert } from 'lucide-react';
import type { ManagedRow } from '../../src/contract/agents.ts';
import { useAsk } from '../ask.ts';
import { Monogram } from '../parts/monogram.tsx';
import { Section } from '../parts/page.tsx';
import { SkeletonRows, Trouble } from '../parts/state.tsx';
import { useView } from '../store.ts';

/** What the company states about servers beside the gateway, and whether it holds in each agent that is here. Nothing where it states nothing. */
export function AllowLists() {
  const version = useView((view) => view.bundle.version);
  const asked = useAsk('agents-policy', {}, version);
  if (asked.error) return <Trouble error={asked.error} title="It cannot be told which servers your agents may have" again={asked.again} />;
  if (asked.value === undefined) return asked.slow ? <SkeletonRows rows={2} height={52} /> : null;
  const { otherServers, agents } = asked.value;
  if (otherServers === undefined) return null;
  const here = agents.filter(({ installed }) => installed);
  return (
    <Section title="Allow-lists">
      <p className="max-w-160 text-pretty break-words pb-3 text-13 text-quiet">
        {otherServers.length === 0
          ? 'Your company wants agents to have no servers but those behind Gatehouse.'
          : `Beside those behind Gatehouse, your company wants agents to have no servers but ${otherServers.map(({ name }) => name).join(', ')}.`}{' '}
        Where an agent has managed settings for that, your IT writes it there.
      </p>
      {here.length > 0 && (
        <ul className="-mx-2" aria-label="Whether agents are held to it">
          {here.map((agent) => (
            <Row key={agent.id} agent={agent} />
          ))}
        </ul>
      )}
    </Section>
  );
}

const states = {
  'in-force': { icon: ShieldCheck, word: 'In force', look: 'text-allow' },
  missing: { icon: TriangleAlert, word: 'Not in force', look: 'text-ask' },
  differs: { icon: ShieldAlert, word: 'Differs', look: 'text-ask' },
  unsupported: { icon: CircleDashed, word: 'Cannot be had', look: 'text-quiet' },
  'not-stated': { icon: CircleDashed, word: 'Not stated', look: 'text-quiet' },
} as const;

function Row({ agent: { title, state, file, why, note } }: { agent: ManagedRow }) {
  const { icon: Icon, word, look } = states[state];
  return (
    <li className="flex min-h-14 items-center gap-3 border-line border-b px-2 py-2">
      <Monogram name={title} />
      <div className="min-w-0 flex-1">
        <p className="flex flex-wrap items-center gap-x-3">
          <span className="font-medium">{title}</span>
          <span className={`inline-flex items-center gap-1.5 whitespace-nowrap text-13 ${look}`}>
            <Icon aria-hidden className="size-3.5" /> {word}
          </span>
        </p>
        {(why ?? note) && <p className="max-w-160 text-pretty break-words text-13 text-quiet">{why ?? note}</p>}
        {file && (
          <p className="truncate font-mono text-12 text-quiet" title={file}>
            {file}
          </p>
        )}
      </div>
    </li>
  );
}
