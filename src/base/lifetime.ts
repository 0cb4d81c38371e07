import { backOff } from './backoff.ts';

/** Milliseconds before its end at which a token is renewed: a fifth of its lifetime, at least 30 s, but never more than half: a very short one must get some use. */
export function lead(lifetime: number): number {
  return Math.min(Math.max(lifetime / 5, 30_000), lifetime / 2);
}

/** 2 s, 4 s ... 5 min, each up to a half longer: 50,000 laptops must not come back in step. */
export const retryMs = (failures: number, random = Math.random()): number => backOff(failures, 2_000, 300_000) * (1 + random / 2);
