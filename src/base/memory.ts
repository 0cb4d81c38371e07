import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/** Bytes; both halves of the young generation. Half the size costs a sixth more CPU per call, the unbounded default 130 MB. */
const youngest = 8_000_000;

/**
 * A program that runs all day on a laptop must stay small, and V8 sizes its heap by the machine's memory. The old generation may grow by less
 * before it is collected, and the young one stops growing where more no longer helps. Both flags are read while running, so that this holds
 * however the host was started; sizes could only be given on Node's command line.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=150');
  if (isGrown()) return;
  const observer = new PerformanceObserver(() => {
    if (isGrown()) observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}

function isGrown(): boolean {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
  if (young === undefined || young.space_size < youngest) return false;
  setFlagsFromString('--semi-space-growth-factor=1');
  return true;
}
