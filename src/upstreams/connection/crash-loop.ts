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
