import { statSync } from 'node:fs';
import { pause } from '../../base/backoff.ts';
import { toErrorValue } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { clientOf, entryState, isInstalled, looksThere, type Standing, seenIn, standing } from './place.ts';
import type { Machine } from './programs/client.ts';
import type { Connection, Records } from './records.ts';

interface Watched {
  records: Records;
  machine: Machine;
  now: () => number;
  log: Log;
  alone<T>(work: () => Promise<T>): Promise<T>;
  repair(record: Connection, url: string): Promise<void>;
  ownUrl(): Promise<string | undefined>;
  isLive(connection: Connection): boolean;
  changed(): void;
}

const usualEveryMs = 30_000;
/** An agent that writes its file in place has an empty one for a moment. */
const usualSettleMs = 1000;
const dayMs = 24 * 60 * 60 * 1000;
/** Whoever takes out what has just been put back means it. */
const soonMs = 60 * 60 * 1000;
const mostADay = 3;

/**
 * Looks at the files with our entry, slowly and only where one changed. An entry that went missing together with something else (a server, a member of the
 * document, the list of servers, the file) was dropped by the agent, and is put back, three times a day at most. One that went missing alone was taken out by
 * the person, and stays out. An entry that somebody changed is left as it is. ADR 59.
 */
export function openGuardian(
  watched: Watched,
  { everyMs = usualEveryMs, settleMs = usualSettleMs }: { everyMs?: number | undefined; settleMs?: number | undefined },
): { check(): Promise<void>; close(): void } {
  const { records, machine, now, log, alone } = watched;
  const lookedAt = new Map<string, string>();
  /** When putting an entry back was tried without success, in milliseconds since the epoch. */
  const failures = new Map<string, number[]>();
  const stop = new AbortController();
  const timer = everyMs > 0 ? setInterval(() => void check(), everyMs).unref() : undefined;

  function tell(record: Connection, state: Connection['state'], why?: string): void {
    const { why: _, ...rest } = record;
    records.put({ ...rest, state, ...(why === undefined ? {} : { why }) });
    watched.changed();
  }

  async function look(id: string): Promise<void> {
    const record = records.of(id);
    if (!record || record.state === 'removed' || !watched.isLive(record)) return;
    const signature = signatureOf(record.file);
    if (lookedAt.get(id) === signature) return;
    lookedAt.set(id, signature);
    const client = clientOf(id);
    if (!looksThere(client.config, machine, record.file))
      return tell(record, 'lost', `${client.title} does not look at ${record.file} any more.`);
    let at: Standing;
    try {
      at = standing(record.file, client.config, machine);
    } catch (error) {
      tell(record, 'changed', toErrorValue(error).message);
      return;
    }
    const state = entryState(at, client.config, record.entry, record);
    if (state === 'same') {
      const seen = seenIn(at, record.entry);
      const isNews = record.state !== 'connected' || JSON.stringify(seen) !== JSON.stringify(record.seen);
      if (isNews) tell({ ...record, seen }, 'connected');
      return;
    }
    if (state !== 'none') {
      if (record.state !== 'changed')
        tell(record, 'changed', `Our entry in ${record.file} was changed by somebody else, and is left as it is.`);
      return;
    }
    const recent = record.repairs.map((each) => Date.parse(each)).filter((each) => now() - each < dayMs);
    if (!wasReset(at, record) || recent.some((each) => now() - each < soonMs))
      return tell(record, 'removed', `Our entry was taken out of ${record.file}, so it is not put back. Connect again to have it there.`);
    const failed = (failures.get(id) ?? []).filter((each) => now() - each < dayMs);
    if (recent.length + failed.length >= mostADay)
      return tell(
        record,
        'lost',
        `Our entry was dropped from ${record.file} more than ${mostADay} times in a day, and is not put back any more.`,
      );
    if (!isInstalled(client, machine)) return tell(record, 'lost', `${client.title} is no longer installed.`);
    await pause(settleMs, stop.signal);
    if (stop.signal.aborted) return;
    const url = await watched.ownUrl();
    if (url === undefined || signatureOf(record.file) !== signature) {
      lookedAt.delete(id);
      return;
    }
    failures.set(id, [...failed, now()]);
    await watched.repair(record, url);
    failures.set(id, failed);
    lookedAt.set(id, signatureOf(record.file));
    watched.changed();
  }

  /** Never rejects: nobody waits for the timer's looks. */
  async function check(): Promise<void> {
    for (const { id, file } of records.all())
      try {
        await alone(() => look(id));
      } catch (error) {
        log.warn({ err: error, agent: id }, 'agents: an entry could not be put back');
        // What we wrote and took out again is no news.
        lookedAt.set(id, signatureOf(file));
        try {
          const record = records.of(id);
          if (record) tell(record, 'lost', toErrorValue(error).message);
        } catch (trouble) {
          log.error({ err: trouble, agent: id }, 'agents: the list of connections cannot be saved');
        }
      }
  }

  return {
    check,
    close() {
      clearInterval(timer);
      stop.abort();
    },
  };
}

function signatureOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}

/** More is missing than our entry: that was no edit of our entry. */
function wasReset(at: Standing, { seen }: Connection): boolean {
  if (at.file.bytes === undefined) return true;
  const members = new Set(Object.keys(at.document).map((name) => name.slice(0, 200)));
  const servers = new Set(Object.keys(at.servers).map((name) => name.slice(0, 200)));
  return seen.members.some((name) => !members.has(name)) || seen.servers.some((name) => !servers.has(name));
}
