import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { Bootstrap } from '../bundle/schema.ts';

/** A public Ed25519 key as RFC 8037 writes it. */
export interface Ed25519Jwk {
  kty: 'OKP';
  crv: 'Ed25519';
  x: string;
}

/** What MDM may pin: an RFC 7638 thumbprint, a JWK, or several of them while a key is being replaced. */
export type PinnedKey = string | object | readonly (string | object)[];

/** The key as an Ed25519 JWK, or undefined. All other kinds are left out, so that no algorithm can be confused with another. */
export function asEd25519(jwk: unknown): Ed25519Jwk | undefined {
  if (typeof jwk !== 'object' || jwk === null) return undefined;
  const { kty, crv, x } = jwk as Record<string, unknown>;
  // 32 bytes in base64url without padding are 43 characters.
  return kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string' && /^[A-Za-z0-9_-]{43}$/.test(x) ? { kty, crv, x } : undefined;
}

/** RFC 7638: SHA-256 over the required members in lexicographic order (RFC 8037 section 2). It names a key whatever its `kid` says. */
export function thumbprint({ crv, kty, x }: Ed25519Jwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}

/** Thumbprints that a pin stands for; empty where nothing in it is a key, which then matches nothing. */
export function pinnedThumbprints(pinned: PinnedKey): Set<string> {
  const list: readonly unknown[] = Array.isArray(pinned) ? pinned : [pinned];
  return new Set(
    list.flatMap((entry) => {
      if (typeof entry === 'string') return [entry.trim()];
      const jwk = asEd25519(entry);
      return jwk === undefined ? [] : [thumbprint(jwk)];
    }),
  );
}

/** Thumbprints of the keys that may sign bundles. */
export function keyThumbprints(jwks: Bootstrap['bundle_jwks']): string[] {
  return jwks.keys.flatMap((key) => {
    const jwk = asEd25519(key);
    return jwk === undefined ? [] : [thumbprint(jwk)];
  });
}

/** The key of that `kid`. Two keys under one `kid` make it ambiguous: then there is none. */
export function findKey(jwks: Bootstrap['bundle_jwks'], kid: string): KeyObject | undefined {
  const matches = jwks.keys.filter((key) => key.kid === kid);
  const jwk = matches.length === 1 ? asEd25519(matches[0]) : undefined;
  return jwk === undefined ? undefined : createPublicKey({ key: { ...jwk }, format: 'jwk' });
}
