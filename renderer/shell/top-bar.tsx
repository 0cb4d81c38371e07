import { Search } from 'lucide-react';
import { Button } from '../parts/button.tsx';
import { Mark } from '../parts/mark.tsx';
import { useView, useWindow } from '../store.ts';
import { standing, toneInk } from './standing.ts';

/** Under 560 px there is no sidebar: its status and search move up here, its pages to the bottom bar. */
export function TopBar({ onSearch }: { onSearch: () => void }) {
  const view = useView((whole) => whole);
  const link = useWindow((state) => state.link);
  const { icon: Icon, tone, word } = standing(view, link);
  return (
    <header className="flex h-12 shrink-0 items-center gap-2 border-line border-b bg-side pr-1 pl-4 sm:hidden">
      <Mark />
      <a href="#/settings" className="inline-flex h-11 min-w-0 flex-1 items-center gap-1.5 rounded-control px-1 text-13">
        <Icon aria-hidden className={toneInk[tone]} />
        <span className="truncate">{word}</span>
      </a>
      <Button look="bare" icon aria-label="Search" onClick={onSearch}>
        <Search aria-hidden />
      </Button>
    </header>
  );
}
