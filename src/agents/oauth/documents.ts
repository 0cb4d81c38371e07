import type { Log } from '../../base/log.ts';
import { parseUrl } from '../../base/url.ts';
import { OAuthError } from './errors.ts';
import { type FetchOptions, fetchDocument } from './fetch-document.ts';
import { knownClient } from './known.ts';
import { type Client, claimedName, readMetadata } from './metadata.ts';
import { perMinute } from './rate.ts';

/** Clients that a document of theirs describes: `client_id` is its URL (client id metadata documents, "CIMD"). */
export interface Documents {
  /** Whether a client id is one of these. */
  isDocument(id: string): boolean;
  /** `knows`: whether what is at hand is enough. Throws OAuthError. */
  find(id: string, knows: (client: Client) => boolean): Promise<Client>;
}

interface Kept {
  client?: Client;
  failed?: string;
  at: number;
  /** Milliseconds that it is good for. */
  good: number;
}

/** Milliseconds. */
const shortest = 5 * 60_000;
const longest = 24 * 3_600_000;
const failedFor = 30_000;
/** Characters: what the list of agents can hold. */
const longestId = 1000;
const most = { kept: 50, atOnce: 4, perMinute: 20 };

export function openDocuments(options: { now: () => number; log: Log; fetching?: FetchOptions | undefined }): Documents {
  const { now, log, fetching } = options;
  const kept = new Map<string, Kept>();
  const underWay = new Map<string, Promise<Kept>>();
  const allowed = perMinute(most.perMinute, now);

  async function read(id: string): Promise<Kept> {
    try {
      const { text, cacheControl } = await fetchDocument(new URL(id), fetching);
      const age = Number(/(?:^|[\s,])max-age=(\d{1,9})/i.exec(cacheControl)?.[1] ?? 0) * 1000;
      return { client: parse(id, text), at: now(), good: Math.min(Math.max(age, shortest), longest) };
    } catch (error) {
      const why = error instanceof OAuthError ? error.description : error instanceof Error ? error.message : String(error);
      log.info({ id: id.slice(0, 200), why }, 'a client document could not be used');
      return { failed: why, at: now(), good: failedFor };
    }
  }

  async function fetched(id: string): Promise<Kept> {
    const before = kept.get(id);
    if (before && Math.abs(now() - before.at) < before.good) return before;
    let reading = underWay.get(id);
    if (!reading) {
      if (underWay.size >= most.atOnce || !allowed())
        throw new OAuthError('temporarily_unavailable', 'Too many clients are being looked up. Try again in a minute.', 503);
      reading = read(id)
        .then((next) => {
          // What was good once goes on while the network is away.
          const result = next.failed !== undefined && before?.client ? { ...before, at: next.at, good: failedFor } : next;
          kept.delete(id);
          if (kept.size >= most.kept) kept.delete(kept.keys().next().value!);
          kept.set(id, result);
          return result;
        })
        .finally(() => underWay.delete(id));
      underWay.set(id, reading);
    }
    return await reading;
  }

  return {
    isDocument: (id) => id.startsWith('https://'),
    async find(id, knows) {
      const url = parseUrl(id);
      // The draft, section 3: https, a path, no fragment, no user name; the text itself is the name, so there must be one spelling.
      if (
        !url ||
        id.length > longestId ||
        url.href !== id ||
        url.pathname === '/' ||
        url.hash !== '' ||
        url.username !== '' ||
        url.password !== ''
      )
        throw new OAuthError('invalid_client', 'The client id is no URL that a client document can have.', 401);
      const pinned = knownClient(id);
      if (pinned && knows(pinned)) return pinned;
      const { client, failed } = await fetched(id);
      if (client) return client;
      if (pinned) return pinned;
      throw new OAuthError(
        'invalid_client',
        `The document that describes this agent could not be used: ${failed}. Let the agent register itself instead, or give it a token in Gatehouse.`,
        401,
      );
    },
  };
}

function parse(id: string, text: string): Client {
  const value: unknown = JSON.parse(text);
  const metadata = readMetadata(value);
  if (metadata['client_id'] !== id) throw new Error('its client_id is not its own address');
  if ((metadata.token_endpoint_auth_method ?? 'none') !== 'none' || metadata['client_secret'] !== undefined)
    throw new Error('it wants to authenticate itself, and agents here are public clients');
  return { id, host: new URL(id).host, name: claimedName(metadata.client_name), redirectUris: metadata.redirect_uris };
}
