import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import type { Vault } from '../base/host.ts';
import { beginInventory } from '../base/key-inventory.ts';
import type { Log } from '../base/log.ts';
import { SealedAway } from '../base/sealed-away.ts';
import { sealedBefore, unavailableVault } from './sealed.ts';
import { openVaultFile } from './vault-file.ts';

/** Secrets that end with the process. What a machine without keyring and key gets: better to sign in again than to write them in the clear. */
export function memoryVault(): Vault {
  const secrets = new Map<string, string>();
  return {
    kind: 'memory',
    get: async (name) => secrets.get(name),
    set: async (name, secret) => void secrets.set(name, secret),
    delete: async (name) => void secrets.delete(name),
  };
}

/** The part of a keyring we use; `@napi-rs/keyring` gives it. */
export interface Keyring {
  get(account: string): Promise<string | undefined>;
  set(account: string, secret: string): Promise<void>;
  delete(account: string): Promise<void>;
}

/** The desktop's keyring. Loaded when it is asked for: the module is native and may be absent. */
export async function osKeyring(): Promise<Keyring> {
  const { AsyncEntry } = await import('@napi-rs/keyring');
  // Without the pin the library falls back silently to kernel keyutils, which forget everything at logout.
  const entry = (account: string) => new AsyncEntry('Gatehouse', account, { linux: { store: 'secret-service' } });
  return {
    get: async (account) => (await entry(account).getPassword()) ?? undefined,
    set: (account, secret) => entry(account).setPassword(secret),
    delete: async (account) => void (await entry(account).deletePassword()),
  };
}

/**
 * Chooses the vault. A key in the environment, or among systemd's credentials, is the operator's explicit choice and wins; else the keyring, if a probe shows that it keeps what it is
 * given; else memory. Secrets that were sealed before are then unavailable, not gone: memory does not take their place. The keyring holds only a data
 * key: Windows keeps at most 2,560 bytes an entry, and tokens are longer.
 */
export async function openVault(options: {
  dataDir: string;
  log: Log;
  env?: NodeJS.ProcessEnv;
  keyring?: () => Promise<Keyring>;
  probeMs?: number;
}): Promise<Vault> {
  const { dataDir, log, env = process.env, keyring = osKeyring, probeMs = 2000 } = options;
  const given = env.GATEHOUSE_VAULT_KEY ? env.GATEHOUSE_VAULT_KEY : await systemdCredential(env);
  const environmentKey = given === undefined ? undefined : keyFromText(given);
  const before = await sealedBefore(dataDir, 'vault.json');
  if (environmentKey !== undefined) return openVaultFile(dataDir, environmentKey, 'key-from-environment');
  if (env.GATEHOUSE_VAULT === 'memory')
    return before.holds ? unavailableVault('GATEHOUSE_VAULT asks for none of them', false) : memoryVault();
  let lost = false;
  try {
    const probed = await withTimeout(probe(keyring, dataDir), probeMs);
    lost = probed.present !== undefined && !before.holds && !before.listed;
    if (lost) throw new SealedAway('the keychain has their key, and vault.json, which held them, is not there any more');
    if (probed.present === undefined && before.holds) throw new SealedAway('the keychain has not their key');
    const key = probed.present === undefined ? await makeDataKey(probed, dataDir, probeMs) : keyFromText(probed.present);
    return await openVaultFile(dataDir, key, 'keychain');
  } catch (error) {
    if (lost) throw error;
    if (before.holds) {
      log.warn({ error: String(error) }, 'the keyring that sealed the secrets is not there');
      return unavailableVault('the keychain that has their key is missing or locked', true);
    }
    log.warn({ error: String(error) }, 'no keyring that keeps secrets: they stay in memory, and each restart asks to sign in again');
    return memoryVault();
  }
}

/** systemd gives a service its secrets as files of a folder that nobody else can read (`LoadCredential=`, systemd.exec(5)). */
async function systemdCredential(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (!env.CREDENTIALS_DIRECTORY) return undefined;
  try {
    return (await readFile(join(env.CREDENTIALS_DIRECTORY, credentialName), 'utf8')).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const fix = `See the LoadCredential=${credentialName}:FILE of the service.`;
    throw new Failure('unavailable', `systemd's credential ${credentialName} cannot be read.`, fix, { cause });
  }
}
const credentialName = 'gatehouse-vault-key';

function keyFromText(text: string): Buffer {
  const key = /^[A-Za-z0-9_-]+={0,1}$/.test(text) ? Buffer.from(text, 'base64url') : Buffer.alloc(0);
  if (key.length === 32) return key;
  throw new Failure(
    'bad-input',
    `The vault's key, from GATEHOUSE_VAULT_KEY or systemd's ${credentialName}, is not 32 bytes in base64url.`,
    `Make one with: node -p "require('node:crypto').randomBytes(32).toString('base64url')"`,
  );
}

interface Probed {
  keyring: Keyring;
  account: string;
  /** The data key in the keyring, in base64url. */
  present: string | undefined;
}

/** Only writes an entry that it deletes again, so a probe that runs on after its time limit changes nothing. */
async function probe(open: () => Promise<Keyring>, dataDir: string): Promise<Probed> {
  const keyring = await open();
  const install = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const trial = `${install}/probe-${randomBytes(4).toString('hex')}`;
  const expected = randomBytes(8).toString('hex');
  await keyring.set(trial, expected);
  const read = await keyring.get(trial);
  await keyring.delete(trial);
  if (read !== expected) throw new Error('the keyring does not keep what it is given');
  const account = `${install}/data-key`;
  return { keyring, account, present: await keyring.get(account) };
}

async function makeDataKey({ keyring, account }: Probed, dataDir: string, ms: number): Promise<Buffer> {
  // Before the key: a data key without an inventory means that something was sealed and is gone.
  await beginInventory(dataDir);
  const made = randomBytes(32);
  await withTimeout(keyring.set(account, made.toString('base64url')), ms);
  return made;
}

/** Rejects after `ms`: a locked keyring waits for a person who may not be there. `work` itself is not stopped. */
async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the keyring did not answer within ${ms} ms`)), ms);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
