import { useCallback, useEffect, useRef, useState } from 'react';
import type { ErrorValue } from '../../src/base/errors.ts';
import type { Activity } from '../../src/contract/activity.ts';
import { useReturn } from '../ask.ts';
import { useCall, useView } from '../store.ts';
import { type Filter, inputOf } from './filter.tsx';

const page = 200;

interface Held {
  key: string;
  items: Activity[];
  /** Arrived while the person was reading: shown when they ask. */
  waiting: Activity[];
  /** The ledger has been read up to this record, whether or not it fits the filter. */
  seen: number;
  next?: number;
  error?: ErrorValue;
}

export interface Feed {
  items: Activity[];
  waiting: number;
  /** The newest sequence number that was there when the list was opened: what is above it came in live. */
  began: number;
  loaded: boolean;
  slow: boolean;
  more: boolean;
  error?: ErrorValue;
  show: () => void;
  older: () => void;
  again: () => void;
}

/** The ledger's records, newest first: older ones page in as one scrolls, newer ones as they are made, held back while `reading`. */
export function useFeed(filter: Filter, reading: () => boolean): Feed {
  const call = useCall();
  const newest = useView((view) => view.lastCall?.seq ?? 0);
  const key = JSON.stringify(inputOf(filter));
  const [held, setHeld] = useState<Held>({ key: '', items: [], waiting: [], seen: 0 });
  const [slow, setSlow] = useState(false);
  const [round, setRound] = useState(0);
  const began = useRef(0);
  const paging = useRef(false);
  const asking = useRef(false);
  const current = held.key === key;

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the filter, `round` starts again
  useEffect(() => {
    let wanted = true;
    const timer = setTimeout(() => wanted && setSlow(true), 150);
    paging.current = false;
    void call('activity-list', { ...inputOf(filter), limit: page }).then((reply) => {
      clearTimeout(timer);
      if (!wanted) return;
      setSlow(false);
      if (!reply.ok) return setHeld({ key, items: [], waiting: [], seen: newest, error: reply.error });
      began.current = reply.value.items[0]?.seq ?? 0;
      setHeld({ key, items: reply.value.items, waiting: [], seen: Math.max(newest, began.current), ...next(reply.value.next) });
    });
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [key, round, call]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new record in the view is what asks; the rest is read at that moment
  useEffect(() => {
    const { seen } = held;
    // One question at a time: its answer moves `seen`, which asks again if there is more by then.
    if (!current || newest <= seen || asking.current) return;
    asking.current = true;
    void call('activity-list', { ...inputOf(filter), after: seen, limit: 500 }).then((reply) => {
      asking.current = false;
      if (!reply.ok) return;
      const fresh = reply.value.items;
      // More than fits came at once (the laptop slept): the list starts again rather than showing a gap.
      if (fresh.length >= 500) return setRound((n) => n + 1);
      const hold = reading();
      setHeld((before) => {
        if (before.key !== key) return before;
        const added = fresh.filter((record) => record.seq > before.seen);
        const now = { ...before, seen: Math.max(before.seen, newest, fresh[0]?.seq ?? 0) };
        if (hold) return { ...now, waiting: [...added, ...before.waiting] };
        return { ...now, items: [...added, ...before.waiting, ...before.items], waiting: [] };
      });
    });
  }, [newest, current, held.seen]);

  const show = useCallback(() => setHeld((before) => ({ ...before, items: [...before.waiting, ...before.items], waiting: [] })), []);
  const again = useCallback(() => setRound((n) => n + 1), []);
  useReturn(again, current && held.error !== undefined);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for the filter
  const older = useCallback(() => {
    if (!current || held.next === undefined || paging.current) return;
    paging.current = true;
    void call('activity-list', { ...inputOf(filter), before: held.next, limit: page }).then((reply) => {
      paging.current = false;
      if (!reply.ok) return;
      setHeld((before) =>
        before.key === key ? { ...withoutNext(before), items: [...before.items, ...reply.value.items], ...next(reply.value.next) } : before,
      );
    });
  }, [key, current, held.next, call]);

  return {
    items: current ? held.items : [],
    waiting: current ? held.waiting.length : 0,
    began: began.current,
    loaded: current,
    slow,
    more: current && held.next !== undefined,
    show,
    older,
    again,
    ...(current && held.error ? { error: held.error } : {}),
  };
}

const next = (seq: number | undefined) => (seq === undefined ? {} : { next: seq });
function withoutNext({ next: _, ...rest }: Held): Held {
  return rest;
}
