import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { Host, Vault } from '../base/host.ts';
import { expectKey, noteKey } from '../base/key-inventory.ts';
import type { HeadKeeper } from '../ledger/keeping.ts';

/**
 * A key of this installation: one seals the head of the ledger, the other the state that agents hand back. It rests in the vault if the vault outlives
 * a restart; else in a file that only the user can read (0600), where it still tells an accident from a deliberate edit. It is made once: where a key
 * was made before and is missing, or is another one, this is a Failure (`unavailable`).
 */
export async function localKey(host: Host, name: 'ledger-key' | 'state-key'): Promise<Buffer> {
  const file = join(host.dataDir, name);
  // The file first: if a vault appears later, the key in the file must stay, since its seals are already in use.
  const filed = await inFile(file);
  const kept = filed ?? (host.vault.kind === 'memory' ? undefined : await host.vault.get(name));
  const existing = kept === undefined ? undefined : keyFrom(kept, name);
  await expectKey(host.dataDir, name, existing && fingerprint(existing));
  const inVault = filed === undefined && host.vault.kind !== 'memory';
  const key = existing ?? randomBytes(32);
  if (existing === undefined) await store(key);
  await noteKey(host.dataDir, name, inVault ? 'vault' : 'file', fingerprint(key));
  return key;

  async function store(key: Buffer): Promise<void> {
    if (inVault) await host.vault.set(name, key.toString('base64url'));
    else await writeFile(file, key.toString('base64url'), { mode: 0o600, flag: 'wx' });
  }
}

/** Names the key and tells nothing about it: its 32 bytes are random. */
const fingerprint = (key: Buffer) => createHash('sha256').update(key).digest('base64url');

/**
 * Where the vault keeps the end of the ledger's chain: in one secret with the ledger's key, so that neither can be taken out without the other.
 * `key` is written where the vault has none, as the key may rest in a file. Undefined where the vault does not outlive a restart.
 */
export function headKeeper(vault: Vault, key: Uint8Array): HeadKeeper | undefined {
  if (vault.kind === 'memory') return undefined;
  const parts = async () => /^(\S+)(?: (.+))?$/s.exec((await vault.get('ledger-key')) ?? '');
  return {
    read: async () => (await parts())?.[2],
    write: async (head) => vault.set('ledger-key', `${(await parts())?.[1] ?? Buffer.from(key).toString('base64url')} ${head}`),
  };
}

async function inFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Failure('unavailable', `${file} cannot be read.`, 'Check who may read it; it is Gatehouse that wrote it.', { cause: error });
  }
}

function keyFrom(text: string, name: string): Buffer {
  const key = Buffer.from(text.split(' ', 1)[0]!, 'base64url');
  if (key.length === 32) return key;
  throw new Failure('unavailable', `The stored ${name} is damaged.`, 'Restore it from a backup. If there is none: gatehouse vault reset.');
}
