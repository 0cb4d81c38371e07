import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Vault } from '../base/host.ts';
import { hasLedger, names, readInventory } from '../base/key-inventory.ts';
import { SealedAway } from '../base/sealed-away.ts';

/** The content of a file of sealed secrets, whoever sealed them. */
const format = z.looseObject({ format: z.literal(1), secrets: z.record(z.string(), z.string()) });

/**
 * Returns what `open` returns. While the secrets cannot be unsealed for a reason that may pass, it tries again every `everyMs` milliseconds.
 * `waiting` is called once with the reason and a signal that aborts when the waiting ends.
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

/** The parsed file, or undefined where there is none. Throws for one that cannot be read: that is not an absent one. */
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

/** Who seals in which file. Neither can open what the other sealed: their keys are kept in different places. */
const writers = { 'vault.json': 'the headless host', 'vault-desktop.json': 'the desktop app' } as const;
export type VaultFile = keyof typeof writers;

/**
 * Whether `own` holds secrets, and whether this folder has an inventory of its keys. Rejects where something was sealed here that `own` does not have:
 * another shell's file holds it, or the file was moved, removed or emptied.
 */
export async function sealedBefore(dataDir: string, own: VaultFile): Promise<{ holds: boolean; listed: boolean }> {
  const inventory = await readInventory(dataDir);
  for (const [file, writer] of Object.entries(writers)) {
    if (file === own) continue;
    const theirs = await readSealed(join(dataDir, file));
    if (theirs !== undefined && (inventory === undefined || Object.keys(theirs.secrets).length > 0))
      throw new SealedAway(`they are in ${file}, which ${writer} sealed, and this is ${writers[own]}`);
  }
  const content = await readSealed(join(dataDir, own));
  const listed = inventory !== undefined;
  if (content !== undefined && Object.keys(content.secrets).length > 0) return { holds: true, listed };
  const reason = content === undefined ? `${own}, which held them, is not there any more` : `${own} holds nothing any more`;
  if (inventory !== undefined) {
    if (Object.values(inventory.made).some(({ rests }) => rests === 'vault')) throw new SealedAway(reason);
    return { holds: false, listed };
  }
  if (content !== undefined) throw new SealedAway(reason);
  // Without a vault the ledger's key rests in a file of its own.
  if ((await hasLedger(dataDir)) && !(await names(dataDir)).includes('ledger-key'))
    throw new SealedAway('there is a ledger, and what held the key that seals it is gone');
  return { holds: false, listed };
}

/** For secrets that are there and cannot be opened now: nothing is read, and nothing is put in their place. */
export function unavailableVault(why: string, passing: boolean): Vault {
  const refuse = async (): Promise<never> => {
    throw new SealedAway(why, { passing });
  };
  return { kind: 'keychain', get: refuse, set: refuse, delete: refuse };
}
