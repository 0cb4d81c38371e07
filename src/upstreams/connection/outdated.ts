import { setTimeout as pause } from 'node:timers/promises';
import type { Link } from './link.ts';

/** How often a connection that is to end looks whether its last call has ended. */
export const drainEveryMs = 50;

/** Links that are being closed. What comes next waits for the last of them. */
export function openEnding(before: Promise<void> | undefined): { readonly last: Promise<void> | undefined; add(link: Link): void } {
  let last = before;
  return {
    get last() {
      return last;
    },
    add(link) {
      const end: Promise<void> = Promise.allSettled([last, link.close()]).then(() => {
        if (last === end) last = undefined;
      });
      last = end;
    },
  };
}

/** Links that were begun with other secrets than there are now. They go on until their calls have ended. */
export interface Outdated {
  has(link: Link): boolean;
  readonly size: number;
  /** `close` is called once nothing is in flight on it, after `ms` at the latest, or when all is over. */
  add(link: Link, ms: number, close: () => Promise<void> | void): void;
  settled(): Promise<unknown>;
}

export function openOutdated(over: () => boolean, ended: () => void): Outdated {
  const ends = new Map<Link, Promise<void>>();
  return {
    has: (link) => ends.has(link),
    get size() {
      return ends.size;
    },
    add(link, ms, close) {
      const until = performance.now() + ms;
      const end = async () => {
        while (!over() && link.busy() && performance.now() < until) await pause(drainEveryMs, undefined, { ref: false });
        // However its end went, it is of no more use.
        await Promise.allSettled([close()]);
        ends.delete(link);
        ended();
      };
      if (!ends.has(link)) ends.set(link, end());
    },
    settled: () => Promise.allSettled(ends.values()),
  };
}
