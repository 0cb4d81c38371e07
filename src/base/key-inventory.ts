import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { readIfThere, replaceFile } from './file.ts';
import { SealedAway } from './sealed-away.ts';

/** The keys that an installation makes for itself, once. */
export const keyNames = ['ledger-key', 'state-key', 'device-key'] as const;
export type KeyName = (typeof keyNames)[number];

export const inventoryFile = 'keys.json';

const format = z.strictObject({
  format: z.literal(1),
  made: z.partialRecord(z.enum(keyNames), z.strictObject({ rests: z.enum(['vault', 'file']), fingerprint: z.string() })),
  /** The keys that a person allowed to be made anew, with `gatehouse vault reset`. */
  anew: z.array(z.enum(keyNames)),
  /** Whether this file is as old as the first key. If it is younger, a key that it does not name may have been made all the same. */
  complete: z.boolean(),
});
/**
 * DATA/keys.json: which keys were made here, where they rest, and their fingerprints. Nothing in it is secret. It stands outside of the vaults,
 * so that a vault that is lost, or is another shell's, does not look like one that never existed.
 */
export type KeyInventory = z.infer<typeof format>;

const words: Record<KeyName, string> = {
  'ledger-key': 'the key of the ledger',
  'state-key': 'the key of what agents hand back',
  'device-key': 'the key of this device',
};

/** Undefined where there is no file. A file that cannot be read is an error, not an absent one. */
export async function readInventory(dataDir: string): Promise<KeyInventory | undefined> {
  const file = join(dataDir, inventoryFile);
  try {
    const text = await readIfThere(file, 64 * 1024);
    return text === undefined ? undefined : format.parse(JSON.parse(text));
  } catch (cause) {
    throw new SealedAway(`${file}, which says what keys there are, is damaged or cannot be read`, { cause });
  }
}

/** To be called before the first secret is sealed: from then on, a missing vault file means that it was lost. */
export async function beginInventory(dataDir: string): Promise<void> {
  await change(dataDir, (inventory) => inventory);
}

/** A person's deliberate act: each key may be made once more. */
export async function permitAnew(dataDir: string): Promise<void> {
  await change(dataDir, () => ({ format: 1, made: {}, anew: [...keyNames], complete: true }));
}

/**
 * `fingerprint`: that of the key that was found, or undefined where there is no key. Resolves where that key may be used, or a new one made.
 * Rejects where a key was made before and this is not it.
 */
export async function expectKey(dataDir: string, name: KeyName, fingerprint: string | undefined): Promise<void> {
  const inventory = await readInventory(dataDir);
  const made = inventory?.made[name];
  if (made !== undefined && fingerprint === undefined) throw new SealedAway(`${words[name]} was made before and is not there any more`);
  if (made !== undefined && made.fingerprint !== fingerprint)
    throw new SealedAway(`${words[name]} is another than the one that was made here`);
  if (fingerprint !== undefined || inventory?.anew.includes(name)) return;
  if (name === 'ledger-key' && (await hasLedger(dataDir))) throw new SealedAway('there is a ledger, and the key that seals it is gone');
  if (inventory?.complete) return;
  if (name === 'state-key' && (await hasLedger(dataDir))) throw new SealedAway(`there is a ledger, and ${words[name]} is gone`);
  // versions.json lists bundles, and this device acknowledges the arrival of each with its key.
  if (name === 'device-key' && (await names(join(dataDir, 'company'))).includes('versions.json'))
    throw new SealedAway('the company knows this device, and its key is gone');
}

/** To be called after the key was stored: after a crash in between, the next start finds the key and notes it. */
export async function noteKey(dataDir: string, name: KeyName, rests: 'vault' | 'file', fingerprint: string): Promise<void> {
  await change(dataDir, ({ made, anew, complete }) => ({
    format: 1,
    made: { ...made, [name]: { rests, fingerprint } },
    anew: anew.filter((keyName) => keyName !== name),
    complete,
  }));
}

/** Whether a ledger was ever begun here. One that was put aside as damaged counts. */
export const hasLedger = async (dataDir: string) => (await names(dataDir)).some((name) => name.startsWith('ledger.sqlite'));

export async function names(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new SealedAway(`${dir} cannot be read`, { cause });
  }
}

let changing: Promise<void> = Promise.resolve();
/** One at a time: each change begins with what the one before it wrote. */
function change(dataDir: string, to: (inventory: KeyInventory) => KeyInventory): Promise<void> {
  changing = changing
    .catch(() => {})
    .then(async () => {
      const before = await readInventory(dataDir);
      const after = to(before ?? { format: 1, made: {}, anew: [], complete: !(await hasLedger(dataDir)) });
      if (JSON.stringify(after) !== JSON.stringify(before)) await replaceFile(join(dataDir, inventoryFile), JSON.stringify(after));
    });
  return changing;
}
