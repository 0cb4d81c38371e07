import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Vault } from '../base/host.ts';
import type { Log } from '../base/log.ts';

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
  // A vault that cannot be read signs nobody out: this rejects, and the caller tries again.
  const text = await vault.get(name);
  try {
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

/**
 * Writes one after the other, as a vault may be slow and a sign-out must not be overtaken by the refresh before it. A vault
 * that cannot write costs a sign-in at the next start, not this session.
 */
export function storedWriter(vault: Vault, name: string, log: Log): (stored: Stored | undefined) => Promise<void> {
  let turn: Promise<void> = Promise.resolve();
  return (stored) => {
    turn = turn
      .then(() => (stored === undefined ? vault.delete(name) : vault.set(name, JSON.stringify(stored))))
      .catch((error: unknown) => {
        log.warn({ error: error instanceof Error ? error.name : 'unknown', vault: vault.kind }, 'the sign-in could not be stored');
      });
    return turn;
  };
}
