import { CircleDashed, ShieldAlert, ShieldCheck, TriangleAlert } from 'lucide-react';
import type { ManagedRow } from '../../src/contract/agents.ts';
import { useAsk } from '../ask.ts';
import { Section } from '../parts/page.tsx';
import { SkeletonRows, Trouble } from '../parts/state.tsx';
import { useView } from '../store.ts';
import { AgentLine, AgentState, Place, Why } from './line.tsx';

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
  const said = why ?? note;
  return (
    <AgentLine title={title} heading={<AgentState title={title} {...states[state]} />}>
      {said && <Why text={said} />}
      {file && <Place text={file} />}
    </AgentLine>
  );
}
