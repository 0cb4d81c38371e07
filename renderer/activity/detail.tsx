import type { ReactNode } from 'react';
import type { Activity } from '../../src/contract/activity.ts';
import { useAsk } from '../ask.ts';
import { CopyButton } from '../parts/copy.tsx';
import { DecisionChip } from '../parts/decision.tsx';
import { Detail, Facts } from '../parts/page.tsx';
import { SkeletonRows, Trouble } from '../parts/state.tsx';
import { Ago } from '../parts/time.tsx';
import { href } from '../router.ts';
import { useServerTitle } from '../servers/title.ts';
import { duration, exact, size } from '../words.ts';
import { Explained } from './explained.tsx';

/** One record in full. */
export function RecordDetail({ seq, close }: { seq: number; close: string }) {
  const asked = useAsk('activity-get', { seq });
  return (
    <Detail label="Record" close={{ href: close, text: 'All activity' }}>
      {asked.value ? (
        <Whole record={asked.value} />
      ) : asked.error ? (
        <div className="lg:pt-10">
          <Trouble error={asked.error} title="This record could not be read" again={asked.again} />
        </div>
      ) : (
        asked.slow && <SkeletonRows rows={6} />
      )}
    </Detail>
  );
}

function Whole({ record }: { record: Activity }) {
  const title = useServerTitle(record.server);
  return (
    <article className="flex flex-col gap-6">
      <header className="lg:pr-10">
        <div className="flex flex-wrap items-center gap-2 pb-2">
          <DecisionChip verdict={record.decision} />
          <span className="text-13 text-quiet">
            <Ago at={record.at} />
          </span>
        </div>
        <h1 className="break-all font-medium font-mono text-16">{record.target}</h1>
      </header>
      <Explained record={record} serverTitle={title} />
      <Facts
        rows={[
          ['When', exact(record.at)],
          ['Person', record.person],
          ['Agent', <Link key="agent" to={href({ page: 'activity', query: { agent: record.agent } })} text={record.agent} />],
          [
            'Server',
            record.server === '' ? (
              title
            ) : (
              <Link key="server" to={href({ page: 'server', server: record.server, tab: 'tools' })} text={title} />
            ),
          ],
          [
            'Method',
            <code key="method" className="font-mono">
              {record.method}
            </code>,
          ],
          ['Outcome', outcome(record)],
          ['Policy', `version ${record.bundleVersion}`],
          ...(record.session === undefined
            ? []
            : [
                [
                  'Session',
                  <code key="session" className="break-all font-mono text-12">
                    {record.session}
                  </code>,
                ] as [string, ReactNode],
              ]),
        ]}
      />
      <Part title="Time">
        <Facts
          rows={[
            ['Total', duration(record.totalMs)],
            ['Server', record.decision === 'allow' ? duration(record.upstreamMs) : 'not asked'],
            ['Gate', duration(Math.max(0, record.totalMs - record.upstreamMs))],
          ]}
        />
      </Part>
      <Part title="Size">
        <Facts
          rows={[
            ['Request', size(record.requestBytes)],
            ['Answer', size(record.responseBytes)],
          ]}
        />
      </Part>
      <Part title="Proof">
        <p className="pb-3 text-pretty text-12 text-quiet">
          Record {record.seq} carries the hash of the one before it, so that no record can be changed or taken out unseen.
        </p>
        <dl className="flex flex-col gap-2">
          <Hash name="This record" value={record.hash} />
          <Hash name="The one before" value={record.previousHash} />
          <Hash name="Arguments" value={record.argumentHash} />
        </dl>
      </Part>
    </article>
  );
}

function outcome({ decision, outcome: how }: Activity): string {
  if (decision === 'deny') return 'Refused, nothing was sent';
  if (how === 'ok') return 'Succeeded';
  return 'Failed';
}

function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="border-line border-t pt-4">
      <h2 className="pb-2 font-medium text-13 text-quiet">{title}</h2>
      {children}
    </section>
  );
}

const Link = ({ to, text }: { to: string; text: string }) => (
  <a href={to} className="break-words rounded-control underline decoration-edge underline-offset-2 hover:decoration-current">
    {text}
  </a>
);

function Hash({ name, value }: { name: string; value: string }) {
  return (
    <div className="flex items-center gap-2">
      <dt className="w-26 shrink-0 text-13 text-quiet">{name}</dt>
      <dd className="flex min-w-0 flex-1 items-center">
        <code className="min-w-0 flex-1 truncate font-mono text-12" title={value}>
          {value}
        </code>
        {value && <CopyButton value={value} what={`hash: ${name.toLowerCase()}`} />}
      </dd>
    </div>
  );
}
