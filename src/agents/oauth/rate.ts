/** At most `most` in any minute; `Math.abs`, since a clock that was put back must not shut the door for long. */
export function perMinute(most: number, now: () => number): () => boolean {
  let times: number[] = [];
  return () => {
    const at = now();
    times = times.filter((time) => Math.abs(at - time) < 60_000);
    if (times.length >= most) return false;
    times.push(at);
    return true;
  };
}
