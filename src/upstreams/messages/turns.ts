/** Work in the order in which it came: while one part of it takes time, all that comes after it waits. */
export interface Turns {
  /** At once where nothing is under way. */
  take(work: () => Promise<void> | undefined | void): void;
  /** Settles when nothing is under way any more; undefined where nothing is. */
  done(): Promise<void> | undefined;
}

export function openTurns(): Turns {
  let waiting: (() => Promise<void> | undefined | void)[] = [];
  let going: Promise<void> | undefined;

  async function goOn(first: Promise<void>) {
    await first;
    while (waiting.length > 0) {
      const all = waiting;
      waiting = [];
      for (const work of all) await work();
    }
    going = undefined;
  }

  return {
    take(work) {
      if (going) return void waiting.push(work);
      const first = work();
      if (first) going = goOn(first);
    },
    done: () => going,
  };
}
