import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { Failure } from '../errors.ts';
import type { Vault } from '../host.ts';

/** What stands in a file of sealed secrets, whoever sealed them. */
const format = z.looseObject({ format: z.literal(1), secrets: z.record(z.string(), z.string()) });

/** What to do where a secret is there and cannot be opened. It is never taken for one that is not there: a new key in its place would be for good. */
const fix =
  'Unlock the keychain, or start Gatehouse with the key or on the desktop that it was used with. If that is lost: gatehouse vault reset.';

export const sealedAway = (why: string, cause?: unknown): Failure =>
  new Failure('unavailable', `The secrets of Gatehouse on this computer cannot be opened: ${why}.`, fix, { cause });

/** The file as it is, or undefined where there is none. One that cannot be read is not absent. */
export async function readSealed(path: string): Promise<z.infer<typeof format> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw sealedAway(`${path} cannot be read`, error);
  }
  try {
    return format.parse(JSON.parse(text));
  } catch (cause) {
    throw sealedAway(`${path} is damaged`, cause);
  }
}

export async function holdsSecrets(path: string): Promise<boolean> {
  const found = await readSealed(path);
  return found !== undefined && Object.keys(found.secrets).length > 0;
}

/** For secrets that are there and cannot be opened now: nothing is read, and nothing is put in their place. */
export function unavailableVault(why: string): Vault {
  const refuse = async (): Promise<never> => {
    throw sealedAway(why);
  };
  return { kind: 'keychain', get: refuse, set: refuse, delete: refuse };
}
