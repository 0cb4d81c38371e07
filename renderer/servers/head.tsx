import { RotateCw } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import type { ServerRow } from '../../src/contract/servers.ts';
import { Button } from '../parts/button.tsx';
import { CopyButton, CopyLine } from '../parts/copy.tsx';
import { Monogram } from '../parts/monogram.tsx';
import { useNow } from '../parts/time.tsx';
import { say } from '../parts/toast.tsx';
import { useCall } from '../store.ts';
import { ago, sentence } from '../words.ts';
import { eraTitle, StateWord } from './state.tsx';

export function ServerHead({ row }: { row: ServerRow }) {
  return (
    <div className="flex items-start gap-4">
      <Monogram name={row.title} size={40} />
      <div className="min-w-0 flex-1">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="min-w-0 truncate font-semibold text-20" title={row.title}>
            {row.title}
          </h1>
          <StateWord row={row} />
        </div>
        <p className="line-clamp-3 max-w-160 text-pretty text-13 text-quiet">{row.description}</p>
      </div>
    </div>
  );
}

/** What a person or IT asks first: its address, who answers for it, what kind of data it holds. */
export function ServerFacts({ row, url }: { row: ServerRow; url: string | undefined }) {
  const facts: [string, ReactNode, string?][] = [
    ['Owner', row.owner || 'Not set'],
    ['Trust', sentence(row.trust)],
    ['Data', sentence(row.dataClass)],
    ['Runs', row.kind === 'local' ? 'On this computer' : 'Remote'],
    ['Version', row.version],
    ['Protocol', row.era === 'modern' ? '2026-07-28' : row.era === 'legacy' ? '2025-11-25' : 'Not yet known', eraTitle(row.era)],
  ];
  return (
    <div className="flex flex-col gap-4">
      {(row.state === 'failed' || row.state === 'backing-off') && <Down row={row} />}
      <div className="grid gap-x-8 gap-y-4 @[800px]:grid-cols-[minmax(0,1fr)_minmax(0,360px)] @[800px]:items-end">
        <dl className="grid grid-cols-2 gap-x-6 gap-y-3 @[480px]:grid-cols-3 @[800px]:flex @[800px]:flex-wrap @[800px]:gap-x-8">
          {facts.map(([name, value, title]) => (
            <div key={name} className="min-w-0 @[800px]:max-w-48" title={title}>
              <dt className="text-12 text-quiet">{name}</dt>
              <dd className="truncate text-13" title={typeof value === 'string' ? value : undefined}>
                {value}
              </dd>
            </div>
          ))}
        </dl>
        <div className="h-11 sm:h-8">{url && <CopyLine value={url} what="server address" />}</div>
      </div>
    </div>
  );
}

/** An error as a full sentence. It was written to stand inside another, without capital and full stop. */
const full = (error: string) => `${error[0]!.toUpperCase()}${error.slice(1)}${/[.!?]$/.test(error) ? '' : '.'}`;

function Down({ row }: { row: ServerRow }) {
  const call = useCall();
  const now = useNow();
  const [busy, setBusy] = useState(false);
  const reconnect = async () => {
    setBusy(true);
    const reply = await call('server-reconnect', { server: row.id });
    setBusy(false);
    if (!reply.ok)
      say({
        tone: 'bad',
        title: `${row.title} could not be reached`,
        text: [reply.error.message, reply.error.fix].filter(Boolean).join(' '),
      });
  };
  const waits = row.retryAt !== undefined && Date.parse(row.retryAt) > now;
  const next = row.state !== 'backing-off' ? '' : ` Gatehouse tries again ${waits ? ago(row.retryAt!, now) : 'with the next call'}.`;
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-x-4 gap-y-2 rounded-card border border-ask-line bg-ask-soft py-2 pr-2 pl-4"
    >
      <p className="min-w-0 flex-1 basis-64 break-words text-13">
        <span className="font-medium text-ask">{row.state === 'failed' ? 'Cannot be reached.' : 'Lost the connection.'}</span>{' '}
        {row.error && full(row.error)}
        {next}
      </p>
      <div className="flex gap-1">
        {row.error && (
          <CopyButton
            value={JSON.stringify({ server: row.id, version: row.version, state: row.state, error: row.error }, null, 2)}
            what="details"
          />
        )}
        <Button disabled={busy} onClick={() => void reconnect()}>
          <RotateCw aria-hidden /> {busy ? 'Connecting…' : 'Reconnect'}
        </Button>
      </div>
    </div>
  );
}
