import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { folderStamps, parts } from '../content/contents.ts';

export interface Watcher {
  /** Calls `changed` once more after so many milliseconds, though nothing may have changed until then. */
  later(ms: number): void;
  close(): Promise<void>;
}

/**
 * Calls `changed` soon after anything in the company's folder changes, never twice at once, and again when something changed meanwhile.
 * Directories are watched, not files: editors and `git checkout` replace files by renaming. A slow poll is the safety net for
 * network and container mounts, which report nothing.
 */
export function watchFolder(dir: string, changed: () => Promise<void>, { debounceMs = 100, pollMs = 500 } = {}): Watcher {
  let watchers: FSWatcher[] = [];
  let closed = false;
  let debounce: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let seen: string | undefined;
  let postponed: NodeJS.Timeout | undefined;

  const arm = () => {
    for (const watcher of watchers) watcher.close();
    watchers = [dir, ...Object.keys(parts).map((part) => join(dir, part))].flatMap((path) => {
      try {
        const watcher = watch(path, { persistent: false }, soon);
        // A directory that goes away: the poll notices what becomes of it.
        watcher.on('error', () => watcher.close());
        return [watcher];
      } catch {
        return [];
      }
    });
  };

  function soon(): void {
    if (closed) return;
    clearTimeout(debounce);
    debounce = setTimeout(run, debounceMs);
  }

  function run(): void {
    if (running !== undefined) {
      again = true;
      return;
    }
    // Armed before reading: what changes while we read is reported, also in a directory that was replaced as a whole.
    arm();
    running = look()
      .then((now) => {
        seen = now;
        return changed();
      })
      .finally(() => {
        running = undefined;
        if (again && !closed) soon();
        again = false;
      });
  }

  const look = async () => (await folderStamps(dir)).text;
  const poll = setInterval(async () => {
    if (running !== undefined) return;
    const now = await look();
    if (!closed && running === undefined && now !== seen) soon();
  }, pollMs);
  poll.unref();

  // The first look happens after whoever opened us has read the folder: an edit in between is caught by the first run.
  arm();
  soon();
  return {
    later(ms) {
      if (closed) return;
      clearTimeout(postponed);
      postponed = setTimeout(run, ms);
      postponed.unref();
    },
    async close() {
      closed = true;
      clearTimeout(postponed);
      clearInterval(poll);
      clearTimeout(debounce);
      for (const watcher of watchers) watcher.close();
      await running;
    },
  };
}
