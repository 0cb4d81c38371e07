import type { View } from '../contract.ts';
import type { Core } from './core-port.ts';

/**
 * Sends a watcher the present View at once, then at most one per `everyMs`, and none while it has not taken the last (`write` returned
 * false): it skips to the newest, so that a slow reader costs one View of memory and never a queue.
 */
export function watchNewest(
  core: Pick<Core, 'view' | 'watch'>,
  write: (view: View) => boolean,
  onDrain: (go: () => void) => void,
  everyMs = 50,
): () => void {
  let dirty = true;
  let resting = false;
  let full = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    if (stopped || resting || full || !dirty) return;
    dirty = false;
    full = !write(core.view());
    if (full) {
      onDrain(() => {
        full = false;
        flush();
      });
    }
    resting = true;
    timer = setTimeout(() => {
      resting = false;
      flush();
    }, everyMs);
  };
  flush();
  const stop = core.watch(() => {
    dirty = true;
    flush();
  });
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
