import { appendFileSync, readFileSync } from 'node:fs';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';

/** Remembers which sealed states were used; where there is a file, over a restart too, since the key that opens them outlives it as well. */
export interface UsedStates {
  /** States that were sealed before this time (milliseconds since the epoch) are refused: which of them were used is not known. */
  readonly since: number;
  has(id: string): boolean;
  /** Throws where it could not be kept. */
  add(id: string, until: number, now: number): void;
}

const most = 100_000;
/** Lines that the file may have beyond twice those needed before it is rewritten. */
const slack = 1000;

export function openUsedStates(file: string | undefined, now: number, log: Log): UsedStates {
  // Identifier -> expiry, in the order of use. An expired state is refused anyway, so it need not be remembered longer.
  const used = new Map<string, number>();
  let since = Number.NEGATIVE_INFINITY;
  let lines = 0;

  const rewrite = () => {
    if (file !== undefined) replaceFileSync(file, [...used].map(line).join(''));
    lines = used.size;
  };

  if (file !== undefined)
    try {
      for (const [id, until] of read(file)) if (until > now) used.set(id, until);
      rewrite();
    } catch (error) {
      since = now;
      log.warn({ error: String(error) }, 'which answers were used before cannot be told; agents make the calls anew that wait for one');
    }

  return {
    since,
    has: (id) => used.has(id),
    add(id, until, at) {
      for (const [old, expiry] of used) {
        if (expiry > at && used.size < most) break;
        used.delete(old);
      }
      if (file !== undefined) appendFileSync(file, line([id, until]), { mode: 0o600 });
      used.set(id, until);
      if (++lines > 2 * used.size + slack) rewrite();
    },
  };
}

const line = ([id, until]: [string, number]): string => `${id} ${until}\n`;

function read(file: string): [string, number][] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  // A last line without a newline was never finished, so its state was never accepted.
  return text
    .split('\n')
    .slice(0, -1)
    .map((entry) => {
      const [, id, until] = /^([\w-]{16}) (\d{1,16})$/.exec(entry) ?? [];
      if (id === undefined) throw new Error('a line that is none of ours');
      return [id, Number(until)];
    });
}
