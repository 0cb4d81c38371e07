import { Activity as ActivityIcon, ArrowUp, SearchX } from 'lucide-react';
import { useRef, useState } from 'react';
import { Button } from '../parts/button.tsx';
import { Page } from '../parts/page.tsx';
import { Rows } from '../parts/rows.tsx';
import { Empty, SkeletonRows, Trouble } from '../parts/state.tsx';
import { go, href, type Route } from '../router.ts';
import { useView } from '../store.ts';
import { count, plural } from '../words.ts';
import { RecordDetail } from './detail.tsx';
import { useFeed } from './feed.ts';
import { type Filter, FilterBar, filterOf, isFiltered } from './filter.tsx';
import { RecordRow } from './row.tsx';
import { Tools } from './tools.tsx';

type ActivityRoute = Extract<Route, { page: 'activity' }>;

/** Every decision and call, as the ledger holds them. */
export function ActivityPage({ route }: { route: ActivityRoute }) {
  const records = useView((view) => view.ledger.records);
  const filter = filterOf(route.query);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const over = useRef(false);
  // Reading: scrolled away from the top, a record open, or the pointer or the keyboard among the rows.
  const reading = () =>
    (scroller?.scrollTop ?? 0) > 0 || route.seq !== undefined || over.current || (scroller?.contains(document.activeElement) ?? false);
  const feed = useFeed(filter, reading);
  const setFilter = (to: Filter) => go(href({ page: 'activity', query: { ...to } }), 'replace');
  const close = href({ page: 'activity', query: route.query });

  return (
    <Page
      fill
      title="Activity"
      sub={records === 0 ? 'Every decision and call of your agents' : `${plural(records, 'record')} of what your agents did`}
      action={<Tools />}
      detail={route.seq === undefined ? undefined : <RecordDetail key={route.seq} seq={route.seq} close={close} />}
    >
      <FilterBar filter={filter} onFilter={setFilter} />
      <div className="relative -mx-2 flex min-h-0 flex-1 flex-col border-line border-t">
        {feed.waiting > 0 && (
          <div className="pointer-events-none absolute inset-x-0 top-3 z-10 flex justify-center">
            <button
              type="button"
              onClick={() => {
                feed.show();
                scroller?.scrollTo({ top: 0 });
              }}
              className="pointer-events-auto flex h-8 animate-enter items-center gap-1.5 rounded-full bg-accent-fill px-3 font-medium text-13 text-accent-on shadow-float hover:bg-accent-over"
            >
              <ArrowUp aria-hidden /> {count(feed.waiting)} new
            </button>
          </div>
        )}
        <section
          ref={setScroller}
          data-scroller
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
          tabIndex={0}
          aria-label="Records"
          onPointerEnter={() => {
            over.current = true;
          }}
          onPointerLeave={() => {
            over.current = false;
          }}
          className="ring-inside min-h-0 flex-1 overflow-y-auto px-2"
        >
          {feed.error ? (
            <div className="pt-4">
              <Trouble error={feed.error} title="The activity could not be read" again={feed.again} />
            </div>
          ) : !feed.loaded ? (
            feed.slow && <SkeletonRows rows={12} />
          ) : feed.items.length === 0 ? (
            <None filtered={isFiltered(filter)} />
          ) : (
            <Rows
              items={feed.items}
              keyOf={(record) => record.seq}
              height={44}
              label="Activity"
              scroller={scroller}
              onEnd={feed.older}
              foot={
                <p className="py-4 text-center text-12 text-faint">{feed.more ? 'Reading older records' : 'The beginning of the ledger'}</p>
              }
            >
              {(record) => (
                <RecordRow
                  record={record}
                  current={record.seq === route.seq}
                  fresh={record.seq > feed.began}
                  to={href({ page: 'activity', query: route.query, seq: record.seq })}
                />
              )}
            </Rows>
          )}
        </section>
      </div>
    </Page>
  );
}

function None({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <Empty icon={SearchX} title="No record matches" action={<Button onClick={() => go('#/activity', 'replace')}>Clear filter</Button>}>
        Nothing in the ledger fits all that you filter by.
      </Empty>
    );
  }
  return (
    <Empty icon={ActivityIcon} title="Nothing has happened yet">
      Each call of an agent is recorded here with the decision on it and why. The record stays on this computer and goes to your company.
    </Empty>
  );
}
