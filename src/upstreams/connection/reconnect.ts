import { backOff, halfJitter } from '../../base/backoff.ts';

/** Milliseconds to wait after the n-th failure in a row, half of it random: 50,000 laptops must not come back in step. */
export const reconnectMs = (failures: number, limits: { backoffFirstMs: number; backoffMostMs: number }, random = Math.random()): number =>
  Math.round(halfJitter(backOff(failures - 1, limits.backoffFirstMs, limits.backoffMostMs), random));
