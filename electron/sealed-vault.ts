import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Vault } from '../src/host.ts';
import type { Log } from '../src/log.ts';

const format = z.object({ format: z.literal(1), backend: z.string(), secrets: z.record(z.string(), z.string()) });

/**
 * DATA/vault-desktop.json: each secret sealed together with its name, so that one cannot be put in another's place, beside the backend
 * that sealed it: after a change of desktop (GNOME to KDE) nothing decrypts, and the log can say why. What does not unseal is absent.
 */
export async function openSealedVault(options: {
  dataDir: string;
  backend: string;
  log: Log;
  seal(text: string): Promise<Buffer>;
  /** `stale`: the system's key has changed since, so it should be sealed anew. */
  unseal(bytes: Buffer): Promise<{ text: string; stale: boolean }>;
}): Promise<Vault> {
  const { dataDir, backend, log, seal, unseal } = options;
  const path = join(dataDir, 'vault-desktop.json');
  const before = await read(path, log);
  if (before !== undefined && before.backend !== backend) {
    log.warn(
      { before: before.backend, now: backend },
      'the secrets were sealed by another keyring: sign in again, or go back to that desktop',
    );
  }
  const secrets = new Map(Object.entries(before?.backend === backend ? before.secrets : {}));
  let written: Promise<void> = Promise.resolve();
  const save = () => {
    written = written.catch(() => {}).then(() => write(path, { format: 1, backend, secrets: Object.fromEntries(secrets) }));
    return written;
  };
  const put = async (name: string, secret: string) => {
    secrets.set(name, (await seal(JSON.stringify([name, secret]))).toString('base64'));
    await save();
  };
  return {
    kind: 'keychain',
    async get(name) {
      const sealed = secrets.get(name);
      if (sealed === undefined) return undefined;
      try {
        const { text, stale } = await unseal(Buffer.from(sealed, 'base64'));
        const [owner, secret] = z.tuple([z.string(), z.string()]).parse(JSON.parse(text));
        if (owner !== name) throw new Error('sealed under another name');
        if (stale) await put(name, secret);
        return secret;
      } catch (error) {
        log.warn({ name, error: error instanceof Error ? error.name : 'unknown' }, 'a stored secret does not unseal and counts as absent');
        return undefined;
      }
    },
    set: put,
    async delete(name) {
      if (secrets.delete(name)) await save();
    },
  };
}

async function read(path: string, log: Log): Promise<z.infer<typeof format> | undefined> {
  try {
    return format.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const kept = `${path}.corrupt-${Date.now()}`;
    await rename(path, kept);
    log.error({ kept }, 'the stored secrets could not be read; the file is kept beside and a new one begun');
    return undefined;
  }
}

async function write(path: string, content: z.infer<typeof format>): Promise<void> {
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
