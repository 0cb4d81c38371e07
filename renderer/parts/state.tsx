import { CircleAlert, type LucideIcon, RotateCw } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import { Button } from './button.tsx';
import { CopyButton } from './copy.tsx';

/** First use, or nothing after filtering: what this is, and one action. */
export function Empty({
  icon: Icon,
  title,
  children,
  action,
}: {
  icon: LucideIcon;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="flex flex-col items-center px-4 py-16 text-center">
      <span className="grid size-10 place-items-center rounded-card border border-line bg-card text-faint">
        <Icon aria-hidden className="size-5" />
      </span>
      <h2 className="pt-4 font-medium text-14">{title}</h2>
      {children && <p className="max-w-96 pt-1 text-pretty text-13 text-quiet">{children}</p>}
      {action && <div className="pt-4">{action}</div>}
    </div>
  );
}

/** What went wrong, what to do, retry and the details for whoever is asked for help. */
export function Trouble({ error, title, again }: { error: ErrorValue; title: string; again?: () => void }) {
  return (
    <div role="alert" className="flex max-w-160 animate-fade items-start gap-3 rounded-card border border-deny-line bg-deny-soft p-4">
      <span className="pt-0.5 text-deny">
        <CircleAlert aria-hidden />
      </span>
      <div className="min-w-0 flex-1">
        <p className="font-medium text-14">{title}</p>
        <p className="break-words pt-0.5 text-13 text-quiet">{error.message}</p>
        {error.fix && <p className="break-words pt-0.5 text-13 text-quiet">{error.fix}</p>}
        <div className="flex flex-wrap items-center gap-2 pt-3">
          {again && (
            <Button onClick={again}>
              <RotateCw aria-hidden /> Try again
            </Button>
          )}
          <CopyButton
            value={JSON.stringify({ at: new Date().toISOString(), what: title, ...error }, null, 2)}
            what="details"
            words="Copy details"
          />
        </div>
      </div>
    </div>
  );
}

/** Grey bars in the layout of what will come: `rows` of `height`, as the list has. */
export function SkeletonRows({ rows = 8, height = 44 }: { rows?: number; height?: 44 | 52 }) {
  return (
    <div aria-hidden className="-mx-2 animate-fade">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never move
        <div key={row} className={`flex items-center gap-3 border-line border-b px-2 ${height === 44 ? 'h-11' : 'h-13'}`}>
          <Bar className="size-5" />
          <Bar className={['w-40', 'w-32', 'w-48', 'w-36'][row % 4]!} />
          <Bar className="ml-auto w-16" />
        </div>
      ))}
    </div>
  );
}

export function Bar({ className }: { className: string }) {
  return <span className={`block h-3 animate-wait rounded-control bg-press ${className}`} />;
}
