import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject, sign } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../base/errors.ts';
import { readIfThere, replaceFile } from '../base/file.ts';
import type { Host } from '../base/host.ts';
import { expectKey, noteKey } from '../base/key-inventory.ts';
import { asEd25519, type Ed25519Jwk, thumbprint } from './keys.ts';

const secretName = 'device-key';

/** The identity of this installation at the central API. It signs receipts and names the ledger, and is no person's credential. */
export interface Device {
  /** RFC 7638 thumbprint of the public key. */
  readonly id: string;
  readonly jwk: Ed25519Jwk;
  /** A compact JWS (RFC 7515) over the value, with the public key in its header so that whoever keeps it can check it alone. */
  sign(typ: string, value: unknown): string;
}

/**
 * The device's key, made at the first call. It rests in the vault. Where the vault forgets (kind `memory`) it rests in a file that only the
 * user can read: a new identity at every start would make the central API take the same ledger twice. A key that was made before and is
 * missing is a Failure (`unavailable`).
 */
export async function openDevice(host: Pick<Host, 'vault' | 'dataDir'>): Promise<Device> {
  const file = join(host.dataDir, 'company', 'device-key.json');
  const stored = await host.vault.get(secretName);
  const resting = stored ?? (await readIfThere(file, 4096));
  const existing = resting === undefined ? undefined : privateKey(resting);
  // Another identity would begin another ledger at the central API: that is for a person to decide.
  if (resting !== undefined && existing === undefined)
    throw new Failure(
      'unavailable',
      'The key of this device is damaged.',
      'Restore it from a backup. If there is none: gatehouse vault reset.',
    );
  await expectKey(host.dataDir, secretName, existing && device(existing).id);
  const key = existing ?? generateKeyPairSync('ed25519').privateKey;
  const made = device(key);
  const text = JSON.stringify(key.export({ format: 'jwk' }));
  if (host.vault.kind === 'memory') {
    if (existing === undefined || stored !== undefined) await replaceFile(file, text);
    await noteKey(host.dataDir, secretName, 'file', made.id);
  } else {
    if (existing === undefined || stored === undefined) await host.vault.set(secretName, text);
    await noteKey(host.dataDir, secretName, 'vault', made.id);
    // A vault came later than the file: the key moves, and the identity stays.
    await rm(file, { force: true });
  }
  return made;
}

function device(key: KeyObject): Device {
  const jwk = asEd25519(createPublicKey(key).export({ format: 'jwk' }))!;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    id: thumbprint(jwk),
    jwk,
    sign(typ, value) {
      const input = `${part({ alg: 'Ed25519', typ, jwk })}.${part(value)}`;
      return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
    },
  };
}

/**
 * Proves that this very request is the device's: a compact JWS after the model of RFC 9449 (method, address, hash of the access token, seconds
 * since the epoch) with the digest of the body. Returned as a header.
 */
export function proof(device: Device, request: { method: string; url: string; token: string; body: string | Uint8Array; now: number }) {
  const digestOf = (data: string | Uint8Array) => hash('sha256', data, 'base64url');
  const { method, url, token, body, now } = request;
  const said = { htm: method, htu: url, ath: digestOf(token), digest: digestOf(body), iat: Math.floor(now / 1000) };
  return { 'gatehouse-device': device.sign('gatehouse-ledger+jws', said) };
}

function privateKey(text: string): KeyObject | undefined {
  try {
    const key = createPrivateKey({ key: JSON.parse(text), format: 'jwk' });
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}
