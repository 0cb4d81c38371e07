import { toErrorValue } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Head } from './head.ts';

/** Where the end of the chain is kept outside of the ledger's folder, as text: the vault. Rejects where that cannot be opened. */
export interface HeadKeeper {
  read(): Promise<string | undefined>;
  write(head: string): Promise<void>;
}

/** What somebody outside of the ledger's folder knows of its end, or why that cannot be had. */
export type Told<T> = { head: T } | { why: string };

// A vault is a file that is sealed and written as a whole.
const keepEvery = 5000;

/**
 * Takes durable heads to the vault: the first at once, then at most one in five seconds, the last at the close. One that could not be
 * written waits for the next; the vault then holds an earlier one, which the chain must contain as well.
 */
export function openKeeping(keeper: HeadKeeper | undefined, vaultHead: Head | undefined, log: Log) {
  let waiting: Head | undefined;
  let kept = vaultHead;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    const head = waiting;
    if (keeper === undefined || head === undefined) return;
    waiting = undefined;
    try {
      await keeper.write(JSON.stringify(head));
      kept = head;
    } catch (error) {
      waiting ??= head;
      log.warn({ err: error }, 'ledger: the vault did not take the end of the chain');
    }
  }

  function begin(): void {
    timer = setTimeout(() => {
      timer = undefined;
      if (waiting !== undefined) begin();
    }, keepEvery).unref();
    writing = (writing ?? Promise.resolve()).then(write);
  }

  return {
    keep(head: Head): void {
      if (keeper === undefined || (head.seq === kept?.seq && head.hash === kept.hash)) return;
      waiting = head;
      if (timer === undefined) begin();
    },
    /** Resolves when nothing is on its way. */
    settled: async () => writing,
    async close(): Promise<void> {
      clearTimeout(timer);
      await writing;
      await write();
    },
  };
}

/** Asks for a head; a failure becomes an answer. `absent`: the answer where there is nobody to ask. `none`: the answer where there is no head. */
export async function told<T>(ask: (() => Promise<T | undefined>) | undefined, absent: string, none: string, log: Log): Promise<Told<T>> {
  if (ask === undefined) return { why: absent };
  try {
    const head = await ask();
    return head === undefined ? { why: none } : { head };
  } catch (error) {
    log.warn({ err: error }, 'ledger: nothing to compare with could be had');
    return { why: toErrorValue(error).message };
  }
}
