import { setImmediate as turn } from 'node:timers/promises';

export { turn };

/** Whether a message is so long that each step with it takes milliseconds: then other work gets its turn between the steps. */
export const isLong = (bytes: number): boolean => bytes > 256 * 1024;

const longestMs = 5;

/** For work in many small parts. Awaited before each part, it gives other work its turn whenever a few milliseconds were used up. */
export function openPace(): () => Promise<void> | undefined {
  let from = performance.now();
  return () => {
    if (performance.now() - from < longestMs) return undefined;
    return turn().then(() => {
      from = performance.now();
    });
  };
}
