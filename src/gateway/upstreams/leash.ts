import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { entryUrl } from '../../entry.ts';
import type { Log } from '../../log.ts';
import { scrubbed } from './environment.ts';

/** Holds the local servers: whatever becomes of us, they do not outlive us by more than a second. */
export interface Leash {
  /** Before the first child: the watchdog must be there to be told. */
  ready(): void;
  /** Directly after the spawn. Between the two lie microseconds in which a `kill -9` would leave a child that only the end of its input stops. */
  hold(pid: number): void;
  release(pid: number): void;
  close(): void;
}

/** One watchdog process for all local servers, started with the first of them, in a session of its own so that no terminal ends it with us. */
export function openLeash(log: Log): Leash {
  const held = new Set<number>();
  let watchdog: ChildProcess | undefined;
  let closed = false;

  function start() {
    const child = spawn(process.execPath, [fileURLToPath(entryUrl('gateway/upstreams/watchdog'))], {
      detached: true,
      windowsHide: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...scrubbed(process.env), ELECTRON_RUN_AS_NODE: '1' },
    });
    watchdog = child;
    child.unref();
    child.stdin?.on('error', () => {});
    (child.stdin as unknown as { unref?(): void } | null)?.unref?.();
    const lost = (error?: unknown) => {
      if (watchdog !== child) return;
      watchdog = undefined;
      if (closed) return;
      log.warn({ err: error }, 'the watchdog of the local servers ended; starting another');
      if (held.size > 0) start();
    };
    child.once('exit', () => lost());
    child.once('error', lost);
    for (const pid of held) child.stdin?.write(`+${pid}\n`);
  }

  return {
    ready() {
      if (!watchdog && !closed) start();
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
      watchdog?.stdin?.end();
    },
  };
}
