import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { replaceFileSync } from '../../base/file.ts';
import type { Log } from '../../base/log.ts';
import { OAuthError } from './errors.ts';
import { type Client, claimedName, readMetadata } from './metadata.ts';
import { perMinute } from './rate.ts';

/** Clients that registered themselves (RFC 7591). */
export interface Registrations {
  /** The answer to a registration: what the client sent, and its id. Throws OAuthError. */
  register(metadata: unknown): Record<string, unknown>;
  find(id: string): Client | undefined;
  /** Somebody got in with it, or still is: it stays. */
  completed(id: string): void;
}

const row = z.strictObject({
  id: z.string().max(64),
  name: z.string().max(200),
  redirectUris: z.array(z.string().max(2048)).max(10),
  /** Milliseconds since the epoch: when it was registered, or somebody got in with it last. */
  at: z.number(),
  completed: z.boolean(),
});
type Row = z.infer<typeof row>;
const content = z.strictObject({ version: z.literal(1), clients: z.array(row) });

/** Registrations that never completed are dropped after a day; those of an agent that has not signed in for half a year, too. */
const aDay = 86_400_000;
const keptMs = { open: aDay, completed: 180 * aDay };
/** What never completed makes room for what comes; what did complete is never pushed out by it. */
const most = { open: 200, completed: 500, perMinute: 30 };

export function openRegistrations(options: { file: string; now: () => number; log: Log }): Registrations {
  const { file, now, log } = options;
  const allowed = perMinute(most.perMinute, now);
  let clients = new Map(readRows(file, log).map((client) => [client.id, client]));

  function keep(): void {
    const fresh = (client: Row) => Math.abs(now() - client.at) < (client.completed ? keptMs.completed : keptMs.open);
    const all = [...clients.values()].filter(fresh).toSorted((a, b) => a.at - b.at);
    const newest = (completed: boolean) =>
      all.filter((client) => client.completed === completed).slice(-(completed ? most.completed : most.open));
    clients = new Map([...newest(true), ...newest(false)].map((client) => [client.id, client]));
    try {
      replaceFileSync(file, `${JSON.stringify({ version: 1, clients: [...clients.values()] })}\n`);
    } catch (error) {
      // Until we end it is known all the same; afterwards the agent registers again.
      log.warn({ error: String(error) }, 'the clients that registered themselves cannot be kept');
    }
  }

  return {
    register(value) {
      if (!allowed()) throw new OAuthError('temporarily_unavailable', 'Too many agents register themselves. Try again in a minute.', 429);
      const metadata = readMetadata(value);
      const id = randomBytes(16).toString('base64url');
      const name = claimedName(metadata.client_name);
      clients.set(id, { id, name, redirectUris: metadata.redirect_uris, at: now(), completed: false });
      keep();
      const { client_secret: _, client_id: __, registration_access_token: ___, ...echoed } = metadata as Record<string, unknown>;
      return {
        ...echoed,
        client_id: id,
        client_id_issued_at: Math.floor(now() / 1000),
        // Agents are public clients, whatever they ask for (RFC 7591 section 3.2.1 lets a server say otherwise).
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
      };
    },
    find(id) {
      const client = clients.get(id);
      return client && { id, name: client.name, redirectUris: client.redirectUris };
    },
    completed(id) {
      const client = clients.get(id);
      if (!client || (client.completed && Math.abs(now() - client.at) < aDay)) return;
      clients.set(id, { ...client, at: now(), completed: true });
      keep();
    },
  };
}

/** Nothing in it opens anything, so a file that cannot be read costs agents one more registration. */
function readRows(file: string, log: Log): Row[] {
  try {
    return content.parse(JSON.parse(readFileSync(file, 'utf8'))).clients;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ error: String(error) }, 'the clients that registered themselves could not be read; they register again');
    return [];
  }
}
