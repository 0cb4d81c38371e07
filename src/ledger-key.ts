import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.ts';

/**
 * The key that seals the head of the ledger. In the vault where it outlives a restart; else beside the ledger (0600), where it still tells
 * an accident from a deliberate edit, and central's copy tells the rest.
 */
export async function ledgerKey(host: Host): Promise<Uint8Array> {
  const file = join(host.dataDir, 'ledger.key');
  const kept = host.vault.kind === 'memory' ? await readFile(file, 'utf8').catch(() => undefined) : await host.vault.get('ledger-key');
  if (kept !== undefined) return Buffer.from(kept, 'base64url');
  const key = randomBytes(32);
  if (host.vault.kind === 'memory') await writeFile(file, key.toString('base64url'), { mode: 0o600, flag: 'wx' });
  else await host.vault.set('ledger-key', key.toString('base64url'));
  return key;
}
