import { useNow } from '../parts/time.tsx';
import { Tip } from '../parts/tip.tsx';
import { useView, useWindow } from '../store.ts';
import { freshness, standing, toneInk } from './standing.ts';

/** The one place for status: who, which bundle and how fresh, gateway on or off. */
export function StatusPill() {
  const view = useView((whole) => whole);
  const link = useWindow((state) => state.link);
  const now = useNow();
  const { icon: Icon, tone, word } = standing(view, link);
  const person = view.identity.person;
  const who = person?.name ?? person?.email ?? person?.sub ?? 'Not signed in';
  const fresh = freshness(view.bundle, now);
  return (
    <Tip text={`${who}. ${word}. ${fresh}.`} side="right">
      <a
        href="#/settings"
        className="ring-inside flex min-h-10 items-center justify-center gap-2.5 rounded-card border border-line bg-card transition-colors hover:border-edge md:justify-start md:px-2.5 md:py-2"
      >
        <Icon aria-hidden className={toneInk[tone]} />
        <span className="sr-only min-w-0 flex-1 md:not-sr-only">
          <span className="block truncate font-medium text-13 leading-4">{who}</span>
          <span className="block truncate pt-0.5 text-12 text-quiet">{word}</span>
          <span className="block truncate text-12 text-quiet">{fresh}</span>
        </span>
      </a>
    </Tip>
  );
}
