import { CircleAlert } from 'lucide-react';
import type { Activity } from '../../src/contract/activity.ts';
import { ownRules } from '../../src/contract/rule-ids.ts';
import { DecisionIcon } from '../parts/decision.tsx';
import { rowClass } from '../parts/rows.tsx';
import { Ago } from '../parts/time.tsx';
import { useServerTitle } from '../servers/title.ts';
import { duration, failure } from '../words.ts';

interface Props {
  record: Activity;
  current: boolean;
  fresh: boolean;
  to: string;
}

export function RecordRow({ record, current, fresh, to }: Props) {
  const title = useServerTitle(record.server);
  const failed = record.decision === 'allow' && record.outcome === 'error';
  const isNote = record.rule === ownRules.ledgerNote;
  const why = record.decision === 'allow' && !isNote ? (failed ? failure(record.error) : '') : record.reason;
  return (
    <a
      data-row
      href={to}
      aria-current={current ? 'true' : undefined}
      className={`${rowClass} flex items-center gap-3 ${fresh ? 'animate-fade' : ''}`}
    >
      {failed ? <CircleAlert role="img" aria-label="Failed" className="text-ask" /> : <DecisionIcon verdict={record.decision} title />}
      <span className="min-w-0 flex-1 @[760px]:flex @[760px]:items-baseline @[760px]:gap-2">
        {isNote ? (
          <span className="block truncate text-13" title={why}>
            {why}
          </span>
        ) : (
          <>
            <code
              className="block min-w-0 truncate font-mono text-13 @[760px]:shrink-0 @[760px]:basis-auto @[760px]:max-w-[55%]"
              title={record.target}
            >
              {record.target}
            </code>
            <span className="hidden min-w-0 truncate text-12 text-quiet @[760px]:block" title={why}>
              {why}
            </span>
            <span className="block truncate text-12 text-quiet @[760px]:hidden">
              {record.agent} to {title}
            </span>
          </>
        )}
      </span>
      <span className="hidden w-28 shrink-0 truncate text-13 text-quiet @[760px]:block" title={record.agent}>
        {record.agent}
      </span>
      <span className="hidden w-32 shrink-0 truncate text-13 text-quiet @[760px]:block" title={title}>
        {title}
      </span>
      <span className="hidden w-20 shrink-0 text-right text-13 text-quiet tabular-nums @[520px]:block" title="Total time">
        {duration(record.totalMs)}
      </span>
      <Ago at={record.at} className="w-18 shrink-0 text-right text-13 text-quiet" />
    </a>
  );
}
