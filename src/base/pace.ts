import { setImmediate as turn } from 'node:timers/promises';

export { turn };

/** Bytes of a message from which on each step with it takes milliseconds: between two of them others have their turn. */
export const isLong = (bytes: number): boolean => bytes > 256 * 1024;

const longestMs = 5;

/** For work in many small parts: awaited before each of them, it lets others have their turn whenever a few milliseconds were used up. */
export function openPace(): () => Promise<void> | undefined {
  let from = performance.now();
  return () => {
    if (performance.now() - from < longestMs) return undefined;
    return turn().then(() => {
      from = performance.now();
    });
  };
}
