import { join } from 'node:path';
import { safeStorage } from 'electron';
import type { Vault } from '../src/base/host.ts';
import type { Log } from '../src/base/log.ts';
import { holdsSecrets, unavailableVault } from '../src/shell/sealed.ts';
import { memoryVault } from '../src/shell/vault.ts';
import { openSealedVault } from './sealed-vault.ts';

/**
 * Secrets under the system's key (Keychain, DPAPI, Secret Service, KWallet). Linux's `basic_text` encrypts with a key that everybody
 * knows: that counts as no vault, and the person signs in again after a restart.
 */
export async function openSafeStorageVault(dataDir: string, log: Log): Promise<Vault> {
  if (!(await safeStorage.isAsyncEncryptionAvailable())) {
    log.warn({}, 'the system offers no encryption');
    return withoutKeyring(dataDir);
  }
  const backend = process.platform === 'linux' ? safeStorage.getSelectedStorageBackend() : process.platform;
  if (backend === 'basic_text' || backend === 'unknown') {
    log.warn({ backend }, 'no keyring on this desktop');
    return withoutKeyring(dataDir);
  }
  return openSealedVault({
    dataDir,
    backend,
    log,
    seal: (text) => safeStorage.encryptStringAsync(text),
    async unseal(bytes) {
      const { result, shouldReEncrypt } = await safeStorage.decryptStringAsync(bytes);
      return { text: result, stale: shouldReEncrypt };
    },
  });
}

/** Secrets stay in memory, but where some were sealed before: those are then unavailable and not gone. */
async function withoutKeyring(dataDir: string): Promise<Vault> {
  return (await holdsSecrets(join(dataDir, 'vault-desktop.json')))
    ? unavailableVault('the keychain that sealed them is missing or locked', true)
    : memoryVault();
}
