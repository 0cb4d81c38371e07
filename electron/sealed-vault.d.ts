import type { Vault } from '../src/host.ts';
import type { Log } from '../src/log.ts';
/**
 * DATA/vault-desktop.json: each secret sealed together with its name, so that one cannot be put in another's place, beside the backend
 * that sealed it: after a change of desktop (GNOME to KDE) nothing decrypts, and the log can say why. What does not unseal is absent.
 */
export declare function openSealedVault(options: {
  dataDir: string;
  backend: string;
  log: Log;
  seal(text: string): Promise<Buffer>;
  /** `stale`: the system's key has changed since, so it should be sealed anew. */
  unseal(bytes: Buffer): Promise<{
    text: string;
    stale: boolean;
  }>;
}): Promise<Vault>;
