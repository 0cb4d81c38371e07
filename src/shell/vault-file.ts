import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Vault } from '../base/host.ts';
import { SealedAway } from '../base/sealed-away.ts';
import { readSealed } from './sealed.ts';

/**
 * Secrets in DATA/vault.json, each AES-256-GCM under `key` with its own name as associated data, so that one cannot take
 * another's place. A secret that does not decrypt is unavailable and is never overwritten.
 */
export async function openVaultFile(dataDir: string, key: Buffer, kind: Vault['kind']): Promise<Vault> {
  const path = join(dataDir, 'vault.json');
  const secrets = new Map(Object.entries((await readSealed(path))?.secrets ?? {}));
  let written: Promise<void> = Promise.resolve();
  const write = () => {
    // One at a time, and a failed write does not stop the next.
    written = written.catch(() => {}).then(() => save(path, Object.fromEntries(secrets)));
    return written;
  };
  return {
    kind,
    async get(name) {
      return opened(name);
    },
    async set(name, secret) {
      opened(name);
      secrets.set(name, seal(key, name, secret));
      await write();
    },
    async delete(name) {
      opened(name);
      if (secrets.delete(name)) await write();
    },
  };

  function opened(name: string): string | undefined {
    const sealed = secrets.get(name);
    if (sealed === undefined) return undefined;
    try {
      return unseal(key, name, sealed);
    } catch (cause) {
      throw new SealedAway(`${name} does not decrypt with the present key`, { cause });
    }
  }
}

function seal(key: Buffer, name: string, secret: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(`gatehouse/1/${name}`));
  const data = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), data]).toString('base64url');
}

function unseal(key: Buffer, name: string, sealed: string): string {
  const bytes = Buffer.from(sealed, 'base64url');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(`gatehouse/1/${name}`)).setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}

async function save(path: string, secrets: Record<string, string>): Promise<void> {
  const next = `${path}.${process.pid}.new`;
  const file = await open(next, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify({ format: 1, secrets }));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
}
