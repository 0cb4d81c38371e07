import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Vault } from '../host.ts';
import type { Log } from '../log.ts';

/** What outlives the process. Without `refreshToken` the session has ended and only the person's name is kept, to greet them. */
const record = z.object({
  person: z.object({ sub: z.string(), name: z.string().exactOptional(), email: z.string().exactOptional(), groups: z.array(z.string()) }),
  refreshToken: z.string().exactOptional(),
  idToken: z.string().exactOptional(),
});
export type Stored = z.infer<typeof record>;

/** The vault holds one entry per issuer and client: a token of one provider must never be sent to another. */
export function vaultName(kind: 'identity' | 'revoke', config: { issuer: string; clientId: string }): string {
  const key = createHash('sha256')
    .update(JSON.stringify([config.issuer, config.clientId]))
    .digest('base64url');
  return `${kind}-${key.slice(0, 22)}`;
}

export async function readStored(vault: Vault, name: string, log: Log): Promise<Stored | undefined> {
  try {
    const text = await vault.get(name);
    return text === undefined ? undefined : record.parse(JSON.parse(text));
  } catch (error) {
    // The message of a parse error may quote the content, which is a secret.
    log.warn(
      { error: error instanceof Error ? error.name : 'unknown' },
      'the stored sign-in cannot be read; the person must sign in again',
    );
    return undefined;
  }
}

/** A vault that cannot write costs a sign-in at the next start, not this session. */
export async function writeStored(vault: Vault, name: string, stored: Stored | undefined, log: Log): Promise<void> {
  try {
    if (stored === undefined) await vault.delete(name);
    else await vault.set(name, JSON.stringify(stored));
  } catch (error) {
    log.warn({ error: error instanceof Error ? error.name : 'unknown', vault: vault.kind }, 'the sign-in could not be stored');
  }
}
