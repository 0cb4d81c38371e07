import { createHash } from 'node:crypto';
import { z } from 'zod';
import { kindNames } from '../../base/address-kind.ts';
import { backOff } from '../../base/backoff.ts';
import { Failure } from '../../base/errors.ts';
import type { Vault } from '../../base/host.ts';
import type { Log } from '../../base/log.ts';
import { client } from './client.ts';

/** One person's sign-in at one upstream. Times by the host's clock, in milliseconds. */
const kept = z.object({
  /** The address of the server that it is for. A bundle that moves the server makes it useless: nobody else gets the token. */
  url: z.string(),
  /** The authorization server that issued it, as far as it is needed later: a token and its refreshing go there and nowhere else. */
  metadata: z.looseObject({ issuer: z.string(), token_endpoint: z.string() }),
  /** How far `metadata` may reach. */
  most: z.enum(kindNames),
  client,
  resource: z.string().optional(),
  /** What was asked for. */
  scope: z.string(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  /** Absent: until the server says otherwise. */
  expiresAt: z.number().optional(),
  refreshAt: z.number().optional(),
  /** As the authorization server names the person. */
  account: z.string().optional(),
  signedInAt: z.number(),
});
export type Kept = z.infer<typeof kept>;

const content = z.object({ format: z.literal(1), servers: z.record(z.string(), kept) });

/** One person's sign-ins at all upstreams, by server id: one secret of the vault. */
export interface Store {
  readonly servers: ReadonlyMap<string, Kept>;
  /** Resolves when it is safe, or has to be stored later. */
  set(server: string, next: Kept): Promise<void>;
  /** Rejects where they are still in the vault. */
  remove(...servers: string[]): Promise<void>;
}

export const storeName = (account: string): string => `upstreams-${createHash('sha256').update(account).digest('hex').slice(0, 32)}`;

/** Rejects where the vault cannot be opened now: then nobody knows whether there is a sign-in. */
export async function openStore(vault: Vault, account: string, log: Log): Promise<Store> {
  const name = storeName(account);
  const text = await vault.get(name);
  const servers = new Map<string, Kept>();
  if (text !== undefined) {
    const read = content.safeParse(parse(text));
    if (read.success) for (const [id, one] of Object.entries(read.data.servers)) servers.set(id, one);
    else log.warn({}, 'the sign-ins at servers cannot be read; people sign in again');
  }
  let turn: Promise<void> = Promise.resolve();
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;

  /** All that there is, as it is when its turn comes. What the vault does not take now, it gets later. */
  function write(): Promise<void> {
    clearTimeout(timer);
    turn = turn
      .catch(() => {})
      .then(() =>
        servers.size === 0 ? vault.delete(name) : vault.set(name, JSON.stringify({ format: 1, servers: Object.fromEntries(servers) })),
      )
      .then(
        () => {
          failures = 0;
        },
        (error: unknown) => {
          log.warn(
            { error: error instanceof Failure ? error.code : 'unknown', vault: vault.kind },
            'sign-ins at servers could not be stored',
          );
          clearTimeout(timer);
          timer = setTimeout(() => void write().catch(() => {}), backOff(failures++, 200, 60_000)).unref();
          throw error;
        },
      );
    return turn;
  }

  return {
    servers,
    set(server, next) {
      servers.set(server, next);
      // It is good for as long as we run, and is stored later.
      return write().catch(() => {});
    },
    remove(...gone) {
      for (const server of gone) servers.delete(server);
      return write().catch((cause: unknown) => {
        const fix = 'Unlock the keychain; Gatehouse tries again by itself for as long as it runs.';
        throw new Failure('unavailable', 'The sign-in could not be taken out of the vault yet.', fix, { cause });
      });
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
