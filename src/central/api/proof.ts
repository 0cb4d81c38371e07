import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, compactVerify, EmbeddedJWK, type JWK } from 'jose';
import { z } from 'zod';
import { Refusal } from './refusal.ts';

/** How far the clocks of a laptop and this server may differ; also how long whoever holds the same token can use a proof again. */
const skewSeconds = 600;
const claims = z.object({ htm: z.string(), htu: z.string(), ath: z.string(), digest: z.string(), iat: z.number() });
const digestOf = (data: string | Uint8Array) => createHash('sha256').update(data).digest('base64url');

/**
 * The device that signed this very request: RFC 7638 thumbprint of the key in the header `Gatehouse-Device`, a compact JWS after the model of
 * RFC 9449 with the digest of the body. One refusal for all faults: a stranger learns nothing of any device from it.
 */
export async function provenDevice(
  header: string | string[] | undefined,
  request: { method: string; url: string; authorization: string | undefined; body: Uint8Array; now: number },
): Promise<string> {
  try {
    if (typeof header !== 'string' || header.length > 8192) throw new Error('no proof');
    const { payload, protectedHeader } = await compactVerify(header, EmbeddedJWK, { algorithms: ['Ed25519', 'EdDSA'] });
    const { htm, htu, ath, digest, iat } = claims.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
    const token = /^Bearer +(\S+)$/i.exec(request.authorization ?? '')?.[1] ?? '';
    const jwk = protectedHeader.jwk as JWK;
    const fits =
      protectedHeader.typ === 'gatehouse-ledger+jws' &&
      jwk.crv === 'Ed25519' &&
      htm === request.method &&
      htu === request.url &&
      ath === digestOf(token) &&
      digest === digestOf(request.body) &&
      Math.abs(request.now / 1000 - iat) <= skewSeconds;
    if (!fits) throw new Error('another request');
    return await calculateJwkThumbprint(jwk);
  } catch (cause) {
    throw notProven(cause);
  }
}

export const notProven = (cause?: unknown) =>
  new Refusal(
    403,
    'denied',
    'This request is not signed by the key of its device.',
    'Set the clock of this machine right and use a current Gatehouse, then try again.',
    { cause },
  );
