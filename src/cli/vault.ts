import { existsSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../base/errors.ts';
import { inventoryFile, permitAnew } from '../base/key-inventory.ts';
import { defaultDataDir, openPrivateDir } from '../shell/data-dir.ts';
import { takeLock } from '../shell/lock.ts';
import { options } from './options.ts';
import type { Io } from './verb.ts';

/** All sealed files, and the key files that a machine without a keychain keeps. */
const sealed = ['vault.json', 'vault-desktop.json', 'ledger-key', 'state-key', join('company', 'device-key.json'), inventoryFile];

/**
 * Starts over when the sealed secrets are lost for good. The person signs in again, and the company sees a new device. At the next start the ledger
 * records that its head is not sealed with this machine's key, and that record is uploaded to the central API.
 */
export async function run(args: string[], io: Io): Promise<number> {
  const { data, json, values, positionals } = options(args, { verb: 'vault', positionals: [1, 1], options: { yes: { type: 'boolean' } } });
  if (positionals[0] !== 'reset')
    throw new Failure('bad-input', `There is no "vault ${positionals[0]}".`, 'Use: gatehouse vault reset --yes');
  if (values.yes !== true)
    throw new Failure(
      'bad-input',
      'This puts aside the sign-in, the key of the ledger and the identity of this device. The company sees that it was done.',
      'If the keychain or the key is lost for good: gatehouse vault reset --yes',
    );
  const dataDir = openPrivateDir(data === undefined ? defaultDataDir() : resolve(data));
  const lock = await takeLock(dataDir, 'control');
  try {
    const stamp = new Date().toISOString().replace(/[:.]/g, '-');
    const kept = sealed.filter((name) => existsSync(join(dataDir, name))).map((name) => [name, `${name}.replaced-${stamp}`] as const);
    for (const [name, aside] of kept) renameSync(join(dataDir, name), join(dataDir, aside));
    await permitAnew(dataDir);
    if (json) io.out(JSON.stringify({ kept: kept.map(([, aside]) => aside) }));
    else if (kept.length === 0) io.out('There was nothing to put aside. The keys will be made anew: start Gatehouse and sign in again.');
    else
      io.out(
        `Put aside, not deleted:\n${kept.map(([, aside]) => `  ${join(dataDir, aside)}`).join('\n')}\nStart Gatehouse and sign in again.`,
      );
  } finally {
    lock.close();
  }
  return 0;
}
