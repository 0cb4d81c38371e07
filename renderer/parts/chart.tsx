import { ChartColumn, Table2 } from 'lucide-react';
import { useLayoutEffect, useRef, useState } from 'react';
import type { Usage, UsageBucket } from '../../src/contract/activity.ts';
import { count, hour, plural, rollupDay } from '../words.ts';
import { Button } from './button.tsx';
import { Tip } from './tip.tsx';

const height = 120;
const gap = 2;
const series = [
  { key: 'calls', word: 'Calls', fill: 'var(--bar)', dot: 'bg-bar' },
  { key: 'errors', word: 'Errors', fill: 'var(--bar-ask)', dot: 'bg-bar-ask' },
  { key: 'denied', word: 'Denied', fill: 'var(--bar-deny)', dot: 'bg-bar-deny' },
] as const;

const label = (at: string, range: Usage['range']) => (range === 'day' ? hour(at) : rollupDay(at));
const inWords = (bucket: UsageBucket) =>
  `${plural(bucket.calls, 'call')}, ${count(bucket.denied)} denied, ${plural(bucket.errors, 'error')}`;

/** Calls over time. Refused and failed ones are drawn from the ground up, because they are what people look for. */
export function Chart({ usage, title }: { usage: Usage; title: string }) {
  const [table, setTable] = useState(false);
  const [over, setOver] = useState<UsageBucket>();
  return (
    <figure aria-label={title} className="tabular-nums">
      <figcaption className="flex h-8 items-center gap-3 text-12 text-quiet">
        {over && !table ? (
          <span className="min-w-0 flex-1 truncate">
            <span className="font-medium text-ink">{label(over.at, usage.range)}</span> {inWords(over)}
          </span>
        ) : (
          <span className="flex min-w-0 flex-1 items-center gap-3">
            {series.map(({ key, word, dot }) => (
              <span key={key} className="flex items-center gap-1.5">
                <span aria-hidden className={`size-2 rounded-[2px] ${dot}`} /> {word}
              </span>
            ))}
          </span>
        )}
        <Tip text={table ? 'Show as bars' : 'Show as table'}>
          <Button look="bare" icon aria-label={table ? 'Show as bars' : 'Show as table'} onClick={() => setTable(!table)}>
            {table ? <ChartColumn aria-hidden /> : <Table2 aria-hidden />}
          </Button>
        </Tip>
      </figcaption>
      {table ? <Numbers usage={usage} /> : <Bars usage={usage} title={title} onOver={setOver} />}
    </figure>
  );
}

function Bars({ usage, title, onOver }: { usage: Usage; title: string; onOver: (bucket: UsageBucket | undefined) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  const { buckets, range } = usage;
  const top = ceiling(Math.max(0, ...buckets.map((bucket) => bucket.calls)));
  const step = buckets.length === 0 ? 0 : width / buckets.length;
  const scale = (value: number) => (value === 0 ? 0 : Math.max(2, (value / top) * (height - 1)));
  const every = Math.max(1, Math.ceil(buckets.length / Math.max(2, Math.floor(width / 96))));
  const sum = (key: 'calls' | 'denied' | 'errors') => buckets.reduce((so, bucket) => so + bucket[key], 0);
  const total = { at: '', calls: sum('calls'), denied: sum('denied'), errors: sum('errors') };

  return (
    <div ref={box} className="relative pt-3">
      <span aria-hidden className="absolute top-0 left-0 text-12 text-faint leading-none">
        {total.calls === 0 ? '' : count(top)}
      </span>
      <svg
        role="img"
        aria-label={`${title}: ${inWords(total)}`}
        width={width}
        height={height}
        className="block w-full"
        onPointerLeave={() => onOver(undefined)}
      >
        <line x1="0" x2={width} y1="0.5" y2="0.5" stroke="var(--line)" strokeDasharray="2 3" />
        <line x1="0" x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--edge)" />
        {buckets.map((bucket, index) => {
          const denied = Math.min(bucket.denied, bucket.calls);
          const errors = Math.min(bucket.errors, bucket.calls - denied);
          const parts = [bucket.calls, denied + errors, denied];
          return (
            <g key={bucket.at} onPointerEnter={() => onOver(bucket)}>
              <rect x={index * step} y="0" width={step} height={height} fill="transparent" />
              {series.map(({ key, fill }, part) => {
                const tall = scale(parts[part]!);
                const wide = Math.max(1, Math.min(28, step - gap));
                return (
                  <rect
                    key={key}
                    x={index * step + (step - wide) / 2}
                    y={height - tall}
                    width={wide}
                    height={tall}
                    rx={Math.min(2, wide / 2)}
                    fill={fill}
                  />
                );
              })}
            </g>
          );
        })}
      </svg>
      <div aria-hidden className="relative h-5 text-12 text-faint">
        {buckets.map((bucket, index) =>
          index % every === 0 && (index + every / 2) * step < width ? (
            <span key={bucket.at} className="absolute top-1 whitespace-nowrap" style={{ left: index * step }}>
              {label(bucket.at, range)}
            </span>
          ) : null,
        )}
      </div>
    </div>
  );
}

function Numbers({ usage }: { usage: Usage }) {
  const rows = usage.buckets.filter((bucket) => bucket.calls > 0);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section className="h-38 overflow-y-auto" tabIndex={0} aria-label="Calls as a table">
      <table className="w-full text-right text-13">
        <thead className="sticky top-0 bg-page text-12 text-quiet">
          <tr>
            <th className="py-1 text-left font-normal">Time</th>
            {series.map(({ key, word }) => (
              <th key={key} className="py-1 font-normal">
                {word}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((bucket) => (
            <tr key={bucket.at} className="border-line border-t">
              <th scope="row" className="py-1 text-left font-normal">
                {label(bucket.at, usage.range)}
              </th>
              {series.map(({ key }) => (
                <td key={key} className="py-1">
                  {count(bucket[key])}
                </td>
              ))}
            </tr>
          ))}
          {rows.length === 0 && (
            <tr className="border-line border-t">
              <td colSpan={4} className="py-2 text-left text-quiet">
                No calls in this time.
              </td>
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}

/** The next round number, so that the scale's one label is easy to read. */
function ceiling(value: number): number {
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}
