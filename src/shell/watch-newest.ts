import type { Core } from '../app/core.ts';
import type { View } from '../contract/view.ts';

/**
 * Sends a watcher the present View at once, then at most one per `everyMs`, and none while it has not taken the last (`write` returned
 * false): it skips to the newest, so that a slow reader costs one View of memory and never a queue.
 */
export function watchNewest(
  core: Pick<Core, 'watch'>,
  write: (view: View) => boolean,
  onDrain: (go: () => void) => void,
  everyMs = 50,
): () => void {
  let newest: View | undefined;
  let resting = false;
  let full = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const flush = () => {
    if (stopped || resting || full || newest === undefined) return;
    const view = newest;
    newest = undefined;
    resting = true;
    timer = setTimeout(() => {
      resting = false;
      flush();
    }, everyMs);
    full = !write(view);
    if (full) {
      onDrain(() => {
        full = false;
        flush();
      });
    }
  };
  const stop = core.watch((view) => {
    newest = view;
    flush();
  });
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
  };
}
