export interface Limiter {
  /** Why one more call would be too many, in words; undefined when it may pass. */
  over(agent: string, tool: string, rule: { count: number; perMs: number } | undefined, now: number): string | undefined;
  /** Counts a call, until its `release`. */
  take(agent: string, tool: string, rule: { count: number; perMs: number } | undefined, now: number): void;
  release(agent: string): void;
}

/** The company's limits per agent, and `@limit` of a rule per agent and tool. Windows slide; memory is bounded by the limits themselves. */
export function openLimiter(limits: { concurrentCalls: number; callsPerMinute: number }): Limiter {
  const inFlight = new Map<string, number>();
  const windows = new Map<string, number[]>();
  const recent = (key: string, perMs: number, now: number): number[] => {
    const times = windows.get(key) ?? [];
    let old = 0;
    while (old < times.length && times[old]! <= now - perMs) old++;
    if (old > 0) times.splice(0, old);
    windows.set(key, times);
    return times;
  };
  return {
    over(agent, tool, rule, now) {
      if ((inFlight.get(agent) ?? 0) >= limits.concurrentCalls)
        return `This agent has ${limits.concurrentCalls} calls in flight, the most the company allows at once.`;
      if (limits.callsPerMinute > 0 && recent(agent, 60_000, now).length >= limits.callsPerMinute)
        return `This agent made ${limits.callsPerMinute} calls within a minute, the most the company allows.`;
      if (rule && recent(`${agent}\0${tool}`, rule.perMs, now).length >= rule.count)
        return `This tool may be called ${rule.count} times per ${rule.perMs / 1000} seconds.`;
      return undefined;
    },
    take(agent, tool, rule, now) {
      inFlight.set(agent, (inFlight.get(agent) ?? 0) + 1);
      if (limits.callsPerMinute > 0) recent(agent, 60_000, now).push(now);
      if (rule) recent(`${agent}\0${tool}`, rule.perMs, now).push(now);
    },
    release(agent) {
      // A map that loses its only entry is built anew (V8), so an agent without a call stays in it.
      inFlight.set(agent, Math.max(0, (inFlight.get(agent) ?? 0) - 1));
    },
  };
}
