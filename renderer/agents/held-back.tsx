import { KeyRound } from 'lucide-react';
import type { ErrorValue } from '../../src/errors.ts';

/** In the place of what would hold a token or lead to one: that it is not given out, why, and what to do. */
export function HeldBack({ title, why }: { title: string; why: ErrorValue }) {
  return (
    <div role="status" className="flex items-start gap-3 rounded-card border border-ask-line bg-ask-soft p-4">
      <span className="pt-0.5 text-ask">
        <KeyRound aria-hidden />
      </span>
      <div className="min-w-0 max-w-160 flex-1 text-13">
        <p className="font-medium text-14">{title}</p>
        <p className="break-words pt-0.5">{why.message}</p>
        {why.fix && <p className="break-words pt-0.5 text-quiet">{why.fix}</p>}
      </div>
    </div>
  );
}
