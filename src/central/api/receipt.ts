import { calculateJwkThumbprint, compactVerify, EmbeddedJWK, type JWK } from 'jose';
import { z } from 'zod';
import { Refusal } from './refusal.ts';

const said = {
  device: z.string().min(1).max(128),
  version: z.int().min(1),
  at: z.iso.datetime(),
  audience: z.string().max(2000),
  person: z.string().max(512),
};

/** "Device D applied version N at T for person P, said to central API A", and the device's own signature over exactly that. */
export const receipt = z.strictObject({ ...said, jws: z.string().max(8192) });
export type Receipt = z.output<typeof receipt>;

/**
 * A receipt counts only when the device's key signed it. The key travels in the header, and the device's id is that key's RFC 7638 thumbprint:
 * whoever keeps the receipt can check it alone, and nobody can sign for another device. `here`: who sends it, and the route it was sent to.
 */
export async function checkReceipt(body: Receipt, here: { audience: string; person: string }): Promise<void> {
  const fix = 'Send the receipt again as the device signed it.';
  try {
    const { payload, protectedHeader } = await compactVerify(body.jws, EmbeddedJWK, { algorithms: ['Ed25519', 'EdDSA'] });
    const inside = z.object(said).parse(JSON.parse(Buffer.from(payload).toString('utf8')));
    const id = await calculateJwkThumbprint(protectedHeader.jwk as JWK);
    const same = (Object.keys(said) as (keyof typeof said)[]).every((key) => inside[key] === body[key]);
    const meant = inside.audience === here.audience && inside.person === here.person;
    if (protectedHeader.typ === 'gatehouse-receipt+jws' && id === body.device && same && meant) return;
  } catch (cause) {
    throw new Refusal(400, 'integrity', 'The signature of the receipt is not valid.', fix, { cause });
  }
  throw new Refusal(400, 'integrity', 'The receipt is not what its device signed.', fix);
}
