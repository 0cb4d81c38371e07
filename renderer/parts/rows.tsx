import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from 'react';

interface Props<T> {
  items: T[];
  keyOf: (item: T) => string | number;
  height: number;
  label: string;
  scroller: HTMLElement | null;
  /** The row's element must hold one focusable with `data-row`. */
  children: (item: T, index: number) => ReactNode;
  /** Called when the last rows come into sight. */
  onEnd?: () => void;
  foot?: ReactNode;
}

/** A list of any length: only the rows in sight are in the document. Arrow keys, Home and End walk the rows. */
export function Rows<T>({ items, keyOf, height, label, scroller, children, onEnd, foot }: Props<T>) {
  const list = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const rows = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller,
    estimateSize: () => height,
    getItemKey: (index) => keyOf(items[index]!),
    overscan: 12,
    scrollMargin: margin,
  });

  // The list begins somewhere down the page; whatever stands above it may have changed with any render.
  useLayoutEffect(() => {
    if (!list.current || !scroller) return;
    const top = list.current.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    if (Math.abs(top - margin) > 0.5) setMargin(top);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the virtualizer keeps the old row height until told
  useEffect(() => rows.measure(), [height]);

  const shown = rows.getVirtualItems();
  const last = shown.at(-1)?.index ?? -1;
  useEffect(() => {
    if (last >= 0 && last >= items.length - 20) onEnd?.();
  }, [last, items.length, onEnd]);

  const walk = (event: KeyboardEvent) => {
    const at = Number((event.target as Element).closest('[data-index]')?.getAttribute('data-index'));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined || Number.isNaN(at) || to < 0 || to >= items.length) return;
    event.preventDefault();
    rows.scrollToIndex(to);
    requestAnimationFrame(() =>
      requestAnimationFrame(() => list.current?.querySelector<HTMLElement>(`[data-index="${to}"] [data-row]`)?.focus()),
    );
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys are a shortcut over rows that are focusable themselves
    <div ref={list} onKeyDown={walk} className="-mx-2">
      {/* biome-ignore lint/a11y/useSemanticElements: rows are placed by position, and a ul of absolutely placed li needs the roles all the same */}
      <div role="list" aria-label={label} className="relative" style={{ height: rows.getTotalSize() }}>
        {shown.map((row) => (
          // biome-ignore lint/a11y/useSemanticElements: see above
          <div
            role="listitem"
            key={row.key}
            data-index={row.index}
            aria-setsize={items.length}
            aria-posinset={row.index + 1}
            className="absolute inset-x-0 top-0 border-line border-b"
            style={{ height: row.size, transform: `translateY(${row.start - margin}px)` }}
          >
            {children(items[row.index]!, row.index)}
          </div>
        ))}
      </div>
      {foot}
    </div>
  );
}

/** The rows' shared look: a hairline below, a soft ground under the pointer, the accent's ground when chosen. */
export const rowClass =
  'ring-inside h-full w-full rounded-control px-2 text-left transition-colors hover:bg-hover aria-[current=true]:bg-accent-soft';
