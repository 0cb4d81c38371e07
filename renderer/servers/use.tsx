import { useState } from 'react';
import type { Usage } from '../../src/contract/activity.ts';
import { useAsk } from '../ask.ts';
import { Chart } from '../parts/chart.tsx';
import { Segments } from '../parts/field.tsx';
import { Section } from '../parts/page.tsx';
import { Ranking } from '../parts/ranking.tsx';
import { Bar, Trouble } from '../parts/state.tsx';
import { href } from '../router.ts';

const ranges = [
  { value: 'day' as const, text: 'Day' },
  { value: 'week' as const, text: 'Week' },
  { value: 'month' as const, text: 'Month' },
];

/** How much a server was used, by which tools and agents. */
export function UseTab({ server, callsToday }: { server: string; callsToday: number }) {
  const [range, setRange] = useState<Usage['range']>('day');
  const asked = useAsk('usage-get', { range, server }, callsToday);
  const usage = asked.value;
  return (
    <div className="flex flex-col gap-8">
      <Section title="Calls" side={<Segments label="Range" value={range} onValue={setRange} options={ranges} />}>
        {usage ? (
          <Chart usage={usage} title={`Calls in the last ${range}`} />
        ) : asked.error ? (
          <Trouble error={asked.error} title="The use could not be read" again={asked.again} />
        ) : (
          <div className="flex h-46 items-end pb-5">{asked.slow && <Bar className="h-30 w-full" />}</div>
        )}
      </Section>
      {usage && (
        <div className="grid gap-8 md:grid-cols-2 md:gap-12">
          <Section title="Most used tools">
            <Ranking
              none="No calls in this time."
              rows={usage.byTool.slice(0, 10).map(({ tool, calls, denied }) => ({
                key: tool,
                name: <code className="font-mono">{tool}</code>,
                title: tool,
                calls,
                denied,
                href: href({ page: 'server', server, tab: 'tools', tool }),
              }))}
            />
          </Section>
          <Section title="Agents">
            <Ranking
              none="No calls in this time."
              rows={usage.byAgent.slice(0, 10).map(({ agent, calls }) => ({
                key: agent,
                name: agent,
                title: agent,
                calls,
                href: href({ page: 'activity', query: { agent, server } }),
              }))}
            />
          </Section>
        </div>
      )}
    </div>
  );
}
