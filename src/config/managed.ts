import { type FSWatcher, watch } from 'node:fs';
import type { Log } from '../base/log.ts';

export const maxManagedBytes = 1024 * 1024;

/** What a reader found. `failed` (we could not look) is not `absent` (there is none), and neither is `malformed` (there is, and it is wrong). */
export type ManagedRead =
  | { state: 'present'; where: string; values: Record<string, unknown> }
  | { state: 'absent' }
  | { state: 'malformed'; where: string; problem: string }
  | { state: 'failed'; where: string; problem: string };

/** The managed document in force. */
export interface Managed {
  values: Readonly<Record<string, unknown>>;
  where?: string;
  /** Shown in the window: IT wrote something that does not count, or it could not be read and the last known values stay. */
  problem?: string;
}

/** A JSON object, or `malformed`. */
export function asDocument(where: string, text: string): ManagedRead {
  try {
    const values: unknown = JSON.parse(text);
    if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
      return { state: 'present', where, values: values as Record<string, unknown> };
    }
  } catch {
    // Reported below.
  }
  return { state: 'malformed', where, problem: `${where} is not a JSON object.` };
}

/** Only an absent document clears what was known. What cannot be read or understood leaves it in force and is shown. */
export function afterRead(before: Managed, read: ManagedRead): Managed {
  switch (read.state) {
    case 'present':
      return { values: read.values, where: read.where };
    case 'absent':
      return { values: {} };
    case 'malformed':
    case 'failed':
      return { ...before, where: before.where ?? read.where, problem: read.problem };
  }
}

/**
 * Follows managed policy: reads at once, every 15 minutes, when `refresh` is called (resume, unlock) and, where `directory` is given,
 * when something in it changes. The directory is watched and not the file, since a renamed-over file takes its watch along.
 */
export async function openManaged(options: {
  read(): Promise<ManagedRead>;
  changed(managed: Managed): void;
  directory?: string;
  everyMs?: number;
  log: Log;
}): Promise<{ current(): Managed; refresh(): Promise<Managed>; close(): void }> {
  const { log, directory } = options;
  let managed: Managed = { values: {} };
  let reading: Promise<Managed> | undefined;
  let again = false;
  let closed = false;
  let watcher: FSWatcher | undefined;

  async function readAll(): Promise<Managed> {
    do {
      again = false;
      const next = afterRead(managed, await options.read());
      if (closed || JSON.stringify(next) === JSON.stringify(managed)) continue;
      managed = next;
      if (next.problem !== undefined) log.warn({ where: next.where }, next.problem);
      options.changed(managed);
    } while (again && !closed);
    return managed;
  }
  /** A change during a read may have come too late for that read: then it reads once more. */
  function refresh(): Promise<Managed> {
    again = reading !== undefined;
    reading ??= readAll().finally(() => {
      reading = undefined;
    });
    return reading;
  }
  function follow(): void {
    if (directory === undefined || watcher !== undefined || closed) return;
    try {
      watcher = watch(directory, { persistent: false }, () => void refresh());
      watcher.on('error', () => {
        watcher?.close();
        watcher = undefined;
      });
    } catch {
      // It does not exist yet: the next turn of the timer tries again.
    }
  }

  follow();
  await refresh();
  const timer = setInterval(
    () => {
      follow();
      void refresh();
    },
    options.everyMs ?? 15 * 60_000,
  ).unref();
  return {
    current: () => managed,
    refresh,
    close() {
      closed = true;
      clearInterval(timer);
      watcher?.close();
    },
  };
}
