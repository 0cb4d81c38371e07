/** Waits without keeping the process alive, until the time is over or the signal says stop. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    // setTimeout takes 31 bits and fires at once beyond them.
    const timer = setTimeout(done, Math.min(ms, 86_400_000)).unref();
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Exponential back-off: `base`, doubled per failure after the first one, up to `most`. Callers add a jitter. */
export function backOff(failures: number, base: number, most: number): number {
  return Math.min(most, base * 2 ** Math.min(failures, 30));
}

/** Anywhere between half of `ms` and all of it. */
export function halfJitter(ms: number, random = Math.random()): number {
  return ms / 2 + (random * ms) / 2;
}

/** Full jitter: anywhere between nothing and `ms`, so that 50,000 laptops do not come back in the same second. */
export function fullJitter(ms: number): number {
  return Math.random() * ms;
}

/** Plus or minus 20 %: for an interval that should stay roughly the same. */
export function someJitter(ms: number): number {
  return ms * (0.8 + 0.4 * Math.random());
}
