import { ChevronRight } from 'lucide-react';
import type { ServerDetail } from '../../src/contract/servers.ts';
import { count } from '../words.ts';

/** Definitions of a server that no agent gets, because they are faulty. Without this line a tool would be missing for no visible reason. */
export function LeftOut({ items }: { items: ServerDetail['leftOut'] }) {
  return (
    <details className="group mt-4">
      <summary className="-ml-1 inline-flex h-11 list-none items-center gap-1 rounded-control pr-2 text-13 text-ask hover:text-ink sm:h-8 [&::-webkit-details-marker]:hidden">
        <ChevronRight aria-hidden className="transition-transform group-open:rotate-90" />
        {items.length === 1 ? 'One definition of this server is faulty' : `${count(items.length)} definitions of this server are faulty`}
      </summary>
      <p className="mt-1 text-13 text-quiet">
        Agents get the server without them. Its maker has to correct them, then IT blesses it again.
      </p>
      <ul aria-label="Faulty definitions" className="mt-2 flex flex-col gap-2 rounded-control border border-line bg-well px-3 py-2.5">
        {items.map(({ what, why }) => (
          <li key={`${what} ${why}`} className="break-words text-13 [overflow-wrap:anywhere]">
            <code className="font-mono">{what}</code> <span className="text-quiet">{why}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
