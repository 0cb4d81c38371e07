import { safeStorage } from 'electron';
import type { Vault } from '../src/base/host.ts';
import type { Log } from '../src/base/log.ts';
import { openSealedVault } from './sealed-vault.ts';

/**
 * Secrets under the system's key (Keychain, DPAPI, Secret Service, KWallet). Linux's `basic_text` encrypts with a key that everybody
 * knows: that counts as no vault, and the person signs in again after a restart.
 */
export async function openSafeStorageVault(dataDir: string, log: Log): Promise<Vault> {
  return openSealedVault({
    dataDir,
    backend: await backendOf(log),
    log,
    seal: (text) => safeStorage.encryptStringAsync(text),
    async unseal(bytes) {
      const { result, shouldReEncrypt } = await safeStorage.decryptStringAsync(bytes);
      return { text: result, stale: shouldReEncrypt };
    },
  });
}

/** Undefined where the system protects nothing. */
async function backendOf(log: Log): Promise<string | undefined> {
  if (!(await safeStorage.isAsyncEncryptionAvailable())) {
    log.warn({}, 'the system offers no encryption');
    return undefined;
  }
  const backend = process.platform === 'linux' ? safeStorage.getSelectedStorageBackend() : process.platform;
  if (backend !== 'basic_text' && backend !== 'unknown') return backend;
  log.warn({ backend }, 'no keyring on this desktop');
  return undefined;
}
