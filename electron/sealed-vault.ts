import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Vault } from '../src/base/host.ts';
import type { Log } from '../src/base/log.ts';
import { SealedAway } from '../src/base/sealed-away.ts';
import { readSealed, sealedBefore, unavailableVault } from '../src/shell/sealed.ts';
import { memoryVault } from '../src/shell/vault.ts';

interface Content {
  format: 1;
  backend: string;
  secrets: Record<string, string>;
}

/**
 * Secrets in DATA/vault-desktop.json. Each is sealed together with its name, so that one cannot take another's place. The file names the backend that
 * sealed them: after a change of desktop (GNOME to KDE) nothing decrypts. A secret that does not unseal is unavailable and is never overwritten.
 */
export async function openSealedVault(options: {
  dataDir: string;
  /** Undefined where this desktop has no keychain: secrets stay in memory then, unless some were sealed before. */
  backend: string | undefined;
  log: Log;
  seal(text: string): Promise<Buffer>;
  /** `stale`: the system's key has changed since, so it should be sealed anew. */
  unseal(bytes: Buffer): Promise<{ text: string; stale: boolean }>;
}): Promise<Vault> {
  const { dataDir, backend, log, seal, unseal } = options;
  const path = join(dataDir, 'vault-desktop.json');
  const { holds } = await sealedBefore(dataDir, 'vault-desktop.json');
  if (backend === undefined) return holds ? unavailableVault('the keychain that sealed them is missing or locked', true) : memoryVault();
  const before = await readSealed(path);
  const sealer = before?.['backend'];
  if (before !== undefined && sealer !== backend && Object.keys(before.secrets).length > 0) {
    log.warn({ before: sealer, now: backend }, 'the secrets were sealed by another keyring');
    return unavailableVault(`they were sealed by the keychain ${String(sealer)}, and this is ${backend}`, false);
  }
  const secrets = new Map(Object.entries(before?.secrets ?? {}));
  let written: Promise<void> = Promise.resolve();
  const save = () => {
    written = written.catch(() => {}).then(() => write(path, { format: 1, backend, secrets: Object.fromEntries(secrets) }));
    return written;
  };
  const put = async (name: string, secret: string) => {
    secrets.set(name, (await seal(JSON.stringify([name, secret]))).toString('base64'));
    await save();
  };
  const opened = async (name: string): Promise<string | undefined> => {
    const sealed = secrets.get(name);
    if (sealed === undefined) return undefined;
    try {
      const { text, stale } = await unseal(Buffer.from(sealed, 'base64'));
      const [owner, secret] = z.tuple([z.string(), z.string()]).parse(JSON.parse(text));
      if (owner !== name) throw new Error('sealed under another name');
      if (stale) await put(name, secret);
      return secret;
    } catch (cause) {
      log.warn({ name, error: cause instanceof Error ? cause.name : 'unknown' }, 'a stored secret does not unseal');
      throw new SealedAway(`${name} does not unseal`, { passing: true, cause });
    }
  };
  return {
    kind: 'keychain',
    get: opened,
    async set(name, secret) {
      await opened(name);
      await put(name, secret);
    },
    async delete(name) {
      await opened(name);
      if (secrets.delete(name)) await save();
    },
  };
}

async function write(path: string, content: Content): Promise<void> {
  const next = `${path}.new`;
  const file = await open(next, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(content));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
}
