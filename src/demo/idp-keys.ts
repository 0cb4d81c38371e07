import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceFileSync } from '../base/file.ts';

/** The provider's secrets, in one private file, so that tokens and cookies stay good over a restart. */
export interface Secrets {
  /** Signing keys, newest first: the first signs, all are published. */
  keys: JsonWebKey[];
  cookies: string[];
}

export function loadSecrets(file: string): Secrets {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    const secrets = { keys: [newKey()], cookies: [randomBytes(32).toString('base64url')] };
    saveSecrets(file, secrets);
    return secrets;
  }
}

export function saveSecrets(file: string, secrets: Secrets): void {
  replaceFileSync(file, JSON.stringify(secrets));
}

export function newKey(): JsonWebKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: randomBytes(9).toString('base64url') };
}
