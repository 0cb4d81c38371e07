/** Calls back when the clock went on by itself: the machine slept, or somebody set it. Returns how to stop. */
export function watchClock(now: () => number, jumped: () => void, everyMs = 5_000): () => void {
  let seenAt = now();
  const timer = setInterval(() => {
    const at = now();
    const jump = at - seenAt > 4 * everyMs || at < seenAt - everyMs;
    seenAt = at;
    if (jump) jumped();
  }, everyMs).unref();
  return () => clearInterval(timer);
}
