/** How long to wait after the n-th failure in a row: doubled each time, half of it random, so that 50,000 laptops do not come back in step. */
export function backoffMs(failures: number, limits: { backoffFirstMs: number; backoffMostMs: number }, random: () => number): number {
  const whole = Math.min(limits.backoffMostMs, limits.backoffFirstMs * 2 ** Math.min(30, failures - 1));
  return Math.round(whole / 2 + (random() * whole) / 2);
}

const windowMs = 60_000;
const mostCrashes = 5;

/** Five crashes within a minute: starting it again helps nobody, until a person looks. */
export function crashLoop(): { crashed(now: number): boolean; reset(): void } {
  let times: number[] = [];
  return {
    crashed(now) {
      times = [...times.filter((at) => at > now - windowMs), now];
      return times.length >= mostCrashes;
    },
    reset() {
      times = [];
    },
  };
}
