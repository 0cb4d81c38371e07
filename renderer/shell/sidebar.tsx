import { Search } from 'lucide-react';
import { Mark } from '../parts/mark.tsx';
import { Tip } from '../parts/tip.tsx';
import { useRoute } from '../router.ts';
import { useView } from '../store.ts';
import { places } from './pages.ts';
import { StatusPill } from './status-pill.tsx';

const item =
  'ring-inside flex h-9 items-center justify-center gap-3 rounded-control px-2.5 text-13 text-quiet no-drag transition-colors hover:bg-hover hover:text-ink md:h-8 md:justify-start aria-[current=page]:bg-press aria-[current=page]:font-medium aria-[current=page]:text-ink';

/** 224 px with words, icons only under 900 px; under 560 px the bottom bar takes its place. */
export function Sidebar({ onSearch }: { onSearch: () => void }) {
  const route = useRoute();
  const company = useView((view) => view.company.name);
  const mac = navigator.userAgent.includes('Mac');
  return (
    <aside aria-label="Sidebar" className="hidden w-14 shrink-0 flex-col border-line border-r bg-side px-2 pb-2 sm:flex md:w-56">
      <div className="flex h-14 items-center justify-center gap-2.5 px-2 md:justify-start">
        <Mark />
        <div className="hidden min-w-0 md:block">
          <p className="truncate font-semibold text-14 leading-4">Gatehouse</p>
          {company && <p className="truncate text-12 text-quiet">{company}</p>}
        </div>
      </div>
      <Tip text="Search" side="right">
        <button
          type="button"
          onClick={onSearch}
          className="mb-3 flex h-9 items-center justify-center gap-3 rounded-control border border-line bg-card px-2.5 text-13 text-quiet transition-colors hover:border-edge md:h-8 md:justify-start"
        >
          <Search aria-hidden />
          <span className="sr-only flex-1 text-left md:not-sr-only">Search</span>
          <kbd aria-hidden className="hidden font-sans text-12 text-faint md:block">
            {mac ? '⌘ K' : 'Ctrl K'}
          </kbd>
        </button>
      </Tip>
      <nav aria-label="Pages" className="flex flex-1 flex-col gap-0.5">
        {places.map(({ text, href, icon: Icon, pages }) => (
          <a key={href} href={href} title={text} aria-current={pages.includes(route.page) ? 'page' : undefined} className={item}>
            <Icon aria-hidden />
            <span className="sr-only md:not-sr-only">{text}</span>
          </a>
        ))}
      </nav>
      <StatusPill />
    </aside>
  );
}

export function BottomBar() {
  const route = useRoute();
  return (
    <nav aria-label="Pages" className="flex shrink-0 border-line border-t bg-side pb-[env(safe-area-inset-bottom)] sm:hidden">
      {places.map(({ text, href, icon: Icon, pages }) => (
        <a
          key={href}
          href={href}
          aria-current={pages.includes(route.page) ? 'page' : undefined}
          className="ring-inside flex h-14 min-w-0 flex-1 flex-col items-center justify-center gap-1 text-12 text-quiet aria-[current=page]:font-medium aria-[current=page]:text-accent-ink"
        >
          <Icon aria-hidden className="size-5" />
          {text}
        </a>
      ))}
    </nav>
  );
}
