import type { Log } from './log.ts';

/** Who wants to hear of something. One that fails keeps nobody else from hearing. */
export interface Listeners<T> {
  readonly size: number;
  /** Returns how to stop. */
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
