import type { ReactNode } from 'react';
import { count } from '../words.ts';

export interface Ranked {
  key: string;
  name: ReactNode;
  title: string;
  calls: number;
  denied?: number;
  href?: string;
}

/** The most used first, each with a bar in proportion: length and number say the same. */
export function Ranking({ rows, none }: { rows: Ranked[]; none: string }) {
  const most = Math.max(1, ...rows.map((row) => row.calls));
  if (rows.length === 0) return <p className="py-2 text-13 text-quiet">{none}</p>;
  return (
    <ul>
      {rows.map(({ key, name, title, calls, denied = 0, href }) => {
        const inner = (
          <>
            <span aria-hidden className="absolute inset-y-1 left-0 rounded-[4px] bg-press" style={{ width: `${(calls / most) * 100}%` }} />
            <span className="relative min-w-0 flex-1 truncate pl-2" title={title}>
              {name}
            </span>
            {denied > 0 && <span className="relative shrink-0 text-12 text-deny">{count(denied)} denied</span>}
            <span className="relative shrink-0 pr-2 tabular-nums">{count(calls)}</span>
          </>
        );
        const row = 'relative flex h-9 items-center gap-3 text-13';
        return (
          <li key={key}>
            {href ? (
              <a href={href} className={`${row} rounded-control hover:bg-hover`}>
                {inner}
              </a>
            ) : (
              <div className={row}>{inner}</div>
            )}
          </li>
        );
      })}
    </ul>
  );
}
