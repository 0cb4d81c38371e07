/** Calls back when the clock jumped: the machine slept, or somebody set the clock. Returns a function that ends the watch. */
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
