import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { Failure } from '../base/errors.ts';
import type { Vault } from '../base/host.ts';

/** What stands in a file of sealed secrets, whoever sealed them. */
const format = z.looseObject({ format: z.literal(1), secrets: z.record(z.string(), z.string()) });

/** What to do where a secret is there and cannot be opened. It is never taken for one that is not there: a new key in its place would be for good. */
const fix =
  'Unlock the keychain, or start Gatehouse with the key or on the desktop that it was used with. If that is lost: gatehouse vault reset.';

export class SealedAway extends Failure {
  /** Whether it may pass by itself, as with a keychain that the person has yet to unlock. */
  readonly passing: boolean;
  constructor(why: string, options: { passing?: boolean; cause?: unknown } = {}) {
    super('unavailable', `The secrets of Gatehouse on this computer cannot be opened: ${why}.`, fix, { cause: options.cause });
    this.passing = options.passing ?? false;
  }
}

/**
 * What `open` gives, asked again every `everyMs` while the secrets are sealed away and that may pass. `waiting` is told once why, with a signal
 * that ends when the waiting does.
 */
export async function whenUnsealed<T>(
  open: () => Promise<T>,
  waiting: (failure: SealedAway, until: AbortSignal) => void,
  everyMs = 5_000,
): Promise<T> {
  const over = new AbortController();
  try {
    for (let told = false; ; told = true) {
      try {
        return await open();
      } catch (error) {
        if (!(error instanceof SealedAway && error.passing)) throw error;
        if (!told) waiting(error, over.signal);
        await pause(everyMs);
      }
    }
  } finally {
    over.abort();
  }
}

/** The file as it is, or undefined where there is none. One that cannot be read is not absent. */
export async function readSealed(path: string): Promise<z.infer<typeof format> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new SealedAway(`${path} cannot be read`, { cause: error });
  }
  try {
    return format.parse(JSON.parse(text));
  } catch (cause) {
    throw new SealedAway(`${path} is damaged`, { cause });
  }
}

export async function holdsSecrets(path: string): Promise<boolean> {
  const found = await readSealed(path);
  return found !== undefined && Object.keys(found.secrets).length > 0;
}

/** For secrets that are there and cannot be opened now: nothing is read, and nothing is put in their place. */
export function unavailableVault(why: string, passing: boolean): Vault {
  const refuse = async (): Promise<never> => {
    throw new SealedAway(why, { passing });
  };
  return { kind: 'keychain', get: refuse, set: refuse, delete: refuse };
}
