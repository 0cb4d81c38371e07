import { setImmediate as turn } from 'node:timers/promises';

/** Work in the order in which it came: while one part of it takes time, all that comes after it waits. */
export interface Turns {
  /** A chunk was read. The work in it follows with `take`. */
  begin(): void;
  /** Does the work at once if nothing is under way and little was done since `begin`; else queues it. */
  take(work: () => Promise<void> | undefined | void): void;
  /** Settles when nothing is under way any more; undefined where nothing is. */
  done(): Promise<void> | undefined;
}

/** Milliseconds. One chunk may hold tens of thousands of lines. After so much work on it, other tasks get their turn. */
const longestMs = 5;
/** How many pieces of work go by between two looks at the clock, which costs as much as a short one. */
const looksEach = 8;

export function openTurns(): Turns {
  let waiting: (() => Promise<void> | undefined | void)[] = [];
  let going: Promise<void> | undefined;
  let began = performance.now();
  let looked = 0;
  const begin = () => {
    began = performance.now();
    looked = 0;
  };
  const late = () => performance.now() - began > longestMs;

  async function goOn(first: Promise<void>) {
    await first;
    begin();
    while (waiting.length > 0) {
      const all = waiting;
      waiting = [];
      for (const work of all) {
        const longer = work();
        if (longer) await longer;
        if (!longer && !late()) continue;
        if (late()) await turn();
        begin();
      }
    }
    going = undefined;
  }

  return {
    begin() {
      if (!going) begin();
    },
    take(work) {
      if (going) return void waiting.push(work);
      if (++looked % looksEach === 0 && late()) {
        waiting.push(work);
        going = goOn(turn());
        return;
      }
      const first = work();
      if (first) going = goOn(first);
    },
    done: () => going,
  };
}
