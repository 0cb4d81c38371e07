import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { entryUrl } from '../../base/entry.ts';
import type { Log } from '../../base/log.ts';
import { scrubbed } from './environment.ts';

/** Makes sure that local servers outlive us by no more than a second, however we end. */
export interface ProcessGuard {
  /** Before the first child: the watchdog must be there to be told. */
  ready(): void;
  /** Directly after the spawn. Between the two lie microseconds in which a `kill -9` would leave a child that only the end of its input stops. */
  hold(pid: number): void;
  release(pid: number): void;
  close(): void;
}

/** How often a watchdog that ends is started again: the first time at once, then after a growing pause, and not for ever. */
const mostRestarts = 5;
/** A watchdog that lived so long is not one that dies at each start: counting begins anew. */
const steadyMs = 60_000;

/** In a session of its own, so that no terminal ends it with us. Under Electron it is our own binary, which knows this one argument (electron/main.ts). */
function spawnWatchdog(held: readonly number[]): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(entryUrl('upstreams/local/watchdog')), ...held.map(String)], {
    detached: true,
    windowsHide: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { ...scrubbed(process.env), ELECTRON_RUN_AS_NODE: '1' },
  });
}

/** One watchdog process for all local servers, started with the first of them. */
export function openProcessGuard(log: Log, launch: (held: readonly number[]) => ChildProcess = spawnWatchdog, pauseMs = 200): ProcessGuard {
  const held = new Set<number>();
  let watchdog: ChildProcess | undefined;
  let waiting: NodeJS.Timeout | undefined;
  let restarts = 0;
  let closed = false;

  function start() {
    clearTimeout(waiting);
    waiting = undefined;
    const since = Date.now();
    // Groups that run already are passed as arguments, since we may end before we can write them to the pipe.
    const child = launch([...held]);
    watchdog = child;
    child.unref();
    child.stdin?.on('error', () => {});
    (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
    const lost = (error?: unknown) => {
      if (watchdog !== child) return;
      watchdog = undefined;
      if (closed) return;
      if (Date.now() - since > steadyMs) restarts = 0;
      if (restarts >= mostRestarts) {
        log.error({ err: error, restarts }, 'the watchdog of the local servers keeps ending: after a crash of Gatehouse they may stay');
        return;
      }
      log.warn({ err: error, restarts }, 'the watchdog of the local servers ended; starting another');
      // With no server to watch, the next server starts it.
      if (held.size > 0) again(restarts === 0 ? 0 : pauseMs * 2 ** restarts);
      restarts++;
    };
    child.once('exit', () => lost());
    child.once('error', lost);
  }

  function again(afterMs: number) {
    if (afterMs === 0) return start();
    waiting = setTimeout(start, afterMs);
    waiting.unref();
  }

  return {
    ready() {
      // One that keeps ending gets one more chance with each new server, no more.
      if (!watchdog && !waiting && !closed) start();
    },
    hold(pid) {
      held.add(pid);
      watchdog?.stdin?.write(`+${pid}\n`);
    },
    release(pid) {
      if (held.delete(pid)) watchdog?.stdin?.write(`-${pid}\n`);
    },
    close() {
      closed = true;
      clearTimeout(waiting);
      watchdog?.stdin?.end();
    },
  };
}
