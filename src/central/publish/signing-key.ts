import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompactSign, type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { replaceFileSync } from '../../base/file.ts';

const okp = z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), kid: z.string() });
const keyFile = z.object({ current: okp.extend({ d: z.string() }), previous: okp.optional() });
type KeyFile = z.output<typeof keyFile>;

/** Signs bundles. The private key never leaves this object. */
export interface Signer {
  readonly kid: string;
  /** The current public key and, after a rotation, the one before, so that bundles that rest on laptops still verify. */
  readonly jwks: { keys: { kty: string; kid: string; [field: string]: unknown }[] };
  /** Compact JWS (RFC 7515), alg Ed25519 (RFC 9864). */
  sign(payload: Uint8Array): Promise<string>;
}

/** Made at the first start. Whoever holds this file decides what 50,000 laptops may do: 0600, and worth a backup. */
export async function openSigner(dataDir: string): Promise<Signer> {
  const keys = read(dataDir) ?? (await write(dataDir, undefined));
  const key = (await importJWK(keys.current as unknown as JWK, 'Ed25519')) as CryptoKey;
  const { kid } = keys.current;
  return {
    kid,
    jwks: {
      keys: [keys.current, ...(keys.previous === undefined ? [] : [keys.previous])].map(({ kty, crv, x, kid }) => ({
        kty,
        crv,
        x,
        kid,
        alg: 'Ed25519',
        use: 'sig',
      })),
    },
    sign: (payload) => new CompactSign(payload).setProtectedHeader({ alg: 'Ed25519', typ: 'gatehouse-bundle+jws', kid }).sign(key),
  };
}

/** A new key from the next start on; the public half of the present one stays published. Apps that pin the old key must get the new pin first. */
export async function rotateSigningKey(dataDir: string): Promise<{ kid: string }> {
  const keys = read(dataDir);
  const next = await write(dataDir, keys?.current);
  return { kid: next.current.kid };
}

const pathOf = (dataDir: string) => join(dataDir, 'bundle-key.json');

function read(dataDir: string): KeyFile | undefined {
  let text: string;
  try {
    text = readFileSync(pathOf(dataDir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return keyFile.parse(JSON.parse(text));
  } catch (cause) {
    // Making a new one silently would lock out every app that knows the old one.
    const fix = 'Restore it from a backup; if there is none, remove it and a new key is made, which apps take over at their next sign-in.';
    throw new Failure('integrity', `The bundle signing key ${pathOf(dataDir)} is damaged.`, fix, { cause });
  }
}

async function write(dataDir: string, previous: KeyFile['current'] | undefined): Promise<KeyFile> {
  const { privateKey } = await generateKeyPair('Ed25519', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const current = { ...jwk, kid: await calculateJwkThumbprint(jwk) };
  const { d: _secret, ...rest } = previous ?? { d: '' };
  const keys = keyFile.parse(previous === undefined ? { current } : { current, previous: rest });
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  replaceFileSync(pathOf(dataDir), `${JSON.stringify(keys, null, 2)}\n`);
  return keys;
}
