import { isIP } from 'node:net';
import type { AddressKind } from '../../base/address-kind.ts';
import { type GuardOptions, guardedFetch } from '../../base/guarded-fetch.ts';
import type { Log } from '../../base/log.ts';
import { parseUrl } from '../../base/url.ts';
import { OAuthError } from './errors.ts';
import { knownClient } from './known.ts';
import { type Client, claimedName, readMetadata } from './metadata.ts';
import { perMinute } from './rate.ts';

/** Clients that a document of theirs describes: `client_id` is its URL (client id metadata documents, "CIMD"). */
export interface Documents {
  /** Whether a client id is one of these. */
  isDocument(id: string): boolean;
  /** `knows`: whether what is at hand is enough. Throws OAuthError. */
  find(id: string, knows: (client: Client) => boolean): Promise<Client>;
  /** Whether what `find` gave last is what the document says, and not what it said before it could not be read any more. */
  isCurrent(id: string, knows: (client: Client) => boolean): boolean;
}

interface Kept {
  client?: Client;
  failed?: string;
  at: number;
  /** Milliseconds that it is good for. */
  good: number;
  /** It could not be read again. */
  stale?: boolean;
}

/** Milliseconds. */
const shortest = 5 * 60_000;
const longest = 24 * 3_600_000;
const failedFor = 30_000;
/** Characters: what the list of agents can hold. */
const longestId = 1000;
/** The draft of client id metadata documents asks for 5 KB at the most. */
const ofOne = { timeoutMs: 5_000, bytes: 16 * 1024 };
const most = { kept: 50, atOnce: 4, perMinute: 20 };

/** For tests, whose documents are on this machine. */
export type Fetching = GuardOptions & { most?: AddressKind };

export function openDocuments(options: { now: () => number; log: Log; fetching?: Fetching | undefined }): Documents {
  const { now, log, fetching } = options;
  // The URL comes from any program or web page here, so nothing of this machine or its network may be reached with it.
  const fetch = guardedFetch(fetching?.most ?? 'public', { limits: ofOne, direct: true, ...fetching });
  const kept = new Map<string, Kept>();
  const underWay = new Map<string, Promise<Kept>>();
  const allowed = perMinute(most.perMinute, now);

  async function read(id: string): Promise<Kept> {
    try {
      const response = await fetch(id, {
        headers: { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'gatehouse' },
      });
      if (response.status !== 200) throw new Error(`it was answered with status ${response.status}`);
      if (!/^application\/(?:[\w.+-]*\+)?json\s*(?:;|$)/i.test(response.headers.get('content-type') ?? ''))
        throw new Error('it is not JSON');
      const age = Number(/(?:^|[\s,])max-age=(\d{1,9})/i.exec(response.headers.get('cache-control') ?? '')?.[1] ?? 0) * 1000;
      return { client: parse(id, await response.text()), at: now(), good: Math.min(Math.max(age, shortest), longest) };
    } catch (error) {
      // What a connection failed of stands behind the error of `fetch`.
      const cause = error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
      const why = cause instanceof OAuthError ? cause.description : cause instanceof Error ? cause.message : String(cause);
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
          const result = next.failed !== undefined && before?.client ? { ...before, at: next.at, good: failedFor, stale: true } : next;
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
    isCurrent(id, knows) {
      const [pinned, last] = [knownClient(id), kept.get(id)];
      return (pinned !== undefined && knows(pinned)) || (last?.client !== undefined && last.stale !== true);
    },
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
        url.password !== '' ||
        // An address is nobody's name, and a name without a dot is one of this network.
        isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0 ||
        !url.hostname.includes('.')
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
