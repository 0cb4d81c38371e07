import type { Log } from './log.ts';

/** A set of listeners. One that throws does not keep the others from being called. */
export interface Listeners<T> {
  readonly size: number;
  /** Returns a function that removes the listener. */
  add(listener: (value: T) => void): () => void;
  tell(value: T): void;
  clear(): void;
}

/** `of`: what they listen to, for the log. */
export function openListeners<T>(of: string, log: Log): Listeners<T> {
  const all = new Set<(value: T) => void>();
  return {
    get size() {
      return all.size;
    },
    add(listener) {
      all.add(listener);
      return () => void all.delete(listener);
    },
    tell(value) {
      for (const listener of [...all]) {
        try {
          listener(value);
        } catch (error) {
          log.error({ err: error }, `a listener to ${of} failed`);
        }
      }
    },
    clear: () => all.clear(),
  };
}
