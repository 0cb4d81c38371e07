import { ChevronLeft, X } from 'lucide-react';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';

const Scroller = createContext<HTMLElement | null>(null);
/** The element that scrolls the page: virtual lists need it. */
export const useScroller = () => useContext(Scroller);

interface Props {
  title: string;
  /** The page's heading where it is more than the title. */
  head?: ReactNode;
  sub?: ReactNode;
  action?: ReactNode;
  back?: { href: string; text: string };
  /** Shown beside the page from 1,200 px, instead of it below. */
  detail?: ReactNode;
  /** A page whose list scrolls by itself fills the height. */
  fill?: boolean;
  children: ReactNode;
}

/** Title, one primary action, content; a detail to the right or, where that is too narrow, in its place. */
export function Page({ title, head, sub, action, back, detail, fill = false, children }: Props) {
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  useEffect(() => {
    document.title = `${title} · Gatehouse`;
  }, [title]);
  return (
    <div className="flex min-h-0 min-w-0 flex-1">
      <div
        ref={setScroller}
        data-scroller
        className={`min-w-0 flex-1 ${fill ? 'flex flex-col' : 'overflow-y-auto'} ${detail ? 'hidden lg:block' : ''} ${detail && fill ? 'lg:flex' : ''}`}
      >
        <div className={`@container mx-auto w-full max-w-[1184px] px-4 pt-6 md:px-8 ${fill ? 'flex min-h-0 flex-1 flex-col' : 'pb-12'}`}>
          {back && (
            <a
              href={back.href}
              className="-ml-1 mb-2 inline-flex h-8 items-center gap-1 rounded-control pr-2 text-13 text-quiet hover:text-ink"
            >
              <ChevronLeft aria-hidden /> {back.text}
            </a>
          )}
          <header className="flex flex-wrap items-start gap-x-4 gap-y-3 pb-5">
            <div className="min-w-0 flex-1">
              {head ?? <h1 className="truncate font-semibold text-20">{title}</h1>}
              {sub && <p className="text-13 text-quiet">{sub}</p>}
            </div>
            {action}
          </header>
          <Scroller value={scroller}>{children}</Scroller>
        </div>
      </div>
      {detail}
    </div>
  );
}

/** The right-hand detail: a column from 1,200 px, the whole page below, with a way back. */
export function Detail({ label, close, children }: { label: string; close: { href: string; text: string }; children: ReactNode }) {
  // On the window: what had the focus may be gone (a sent form), and then the key goes to the body.
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      if (event.target instanceof HTMLTextAreaElement || document.querySelector('[role="dialog"], [role="menu"]')) return;
      location.hash = close.href;
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, [close.href]);
  return (
    <aside
      aria-label={label}
      className="min-w-0 flex-1 animate-fade overflow-y-auto border-line lg:w-100 lg:flex-none lg:border-l lg:bg-card"
    >
      <div className="relative px-4 pt-4 pb-12 md:px-8 lg:px-5 lg:pt-6">
        <a
          href={close.href}
          className="mb-3 -ml-1 inline-flex h-8 items-center gap-1 rounded-control pr-2 text-13 text-quiet hover:text-ink lg:hidden"
        >
          <ChevronLeft aria-hidden /> {close.text}
        </a>
        <a
          href={close.href}
          aria-label={`Close, back to: ${close.text}`}
          className="absolute top-5 right-4 hidden size-8 place-items-center rounded-control text-faint hover:bg-hover hover:text-ink lg:grid"
        >
          <X aria-hidden />
        </a>
        {children}
      </div>
    </aside>
  );
}

/** A heading for a part of a page. */
export function Section({ title, side, children }: { title: string; side?: ReactNode; children: ReactNode }) {
  return (
    <section className="min-w-0">
      <div className="flex min-h-8 items-center justify-between gap-3 pb-2">
        <h2 className="font-medium text-13 text-quiet">{title}</h2>
        {side}
      </div>
      {children}
    </section>
  );
}

/** Names and values, aligned. */
export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[80px_minmax(0,1fr)] gap-x-4 gap-y-2 text-13">
      {rows.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-quiet">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
