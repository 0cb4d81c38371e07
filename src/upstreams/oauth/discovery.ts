import type { ServerMetadata } from 'openid-client';
import { z } from 'zod';
import type { AddressKind } from '../../base/address-kind.ts';
import { withQuery } from '../../base/url.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { type Challenge, readChallenge, scopesOf } from './challenge.ts';
import {
  away,
  checkEndpoints,
  findServer,
  get,
  host,
  lie,
  outwards,
  pathOf,
  plainly,
  type Reach,
  type ServerDocument,
  serverMetadata,
  statedAt,
  webAddress,
} from './metadata.ts';

type Fetch = typeof fetch;
type OAuth = Extract<ServerEntry['auth'], { type: 'oauth' }>;

/** Where one upstream has its people sign in. */
export interface Found {
  metadata: ServerMetadata;
  /** RFC 8707: what a token is asked for; undefined where the entry says that the server's authorization server refuses it. */
  resource: string | undefined;
  /** What the challenge or the resource's metadata asks for. */
  scope: string | undefined;
  /** How far the authorization server's addresses may reach, and what fetches from there. */
  most: AddressKind;
  fetch: Fetch;
}

/** What people supply for a server, as a sign-in needs it. */
export interface Given {
  /** Names and values in turn, for the server alone. */
  readonly headers: readonly string[];
  /** Encoded, for the server alone. */
  readonly query: string;
  /** For the authorization server that the company states. */
  readonly clientSecret: string | undefined;
}

export const nothingGiven: Given = { headers: [], query: '', clientSecret: undefined };

/** RFC 9728 section 2. */
const resourceMetadata = z.looseObject({
  resource: z.string().max(2048),
  authorization_servers: z.array(webAddress).max(20).optional(),
  scopes_supported: z.array(z.string()).max(1000).optional(),
});
/**
 * Finds the authorization server of an upstream in the specification's order (2025-11-25, "Authorization Server Discovery"): the challenge's resource
 * metadata, the well-known places for it (RFC 9728), then the server's own metadata (RFC 8414, OpenID Connect Discovery). `heard`: the last challenge.
 * INVARIANT: only an answer of 4xx means that a document is not there. Trouble on the way ends the search, or somebody who can make trouble chose the next place.
 */
export async function discover(entry: ServerEntry, auth: OAuth, heard: Challenge | undefined, given: Given = nothingGiven): Promise<Found> {
  const address = new URL(entry.url!);
  const asked = await ask(entry, given);
  const challenge = heard ?? asked.challenge;
  const about = await findResource(address, auth, challenge, asked.fetch);
  const named = about?.authorization_servers ?? [];
  if (auth.issuer !== undefined && about && !named.includes(auth.issuer))
    throw lie(
      `it names ${named[0] === undefined ? 'no authorization server' : host(named[0])} and not ${host(auth.issuer)}, which your company states`,
    );
  const from = auth.issuer === undefined ? await namedBy(named[0], address, asked) : await statedAt(auth.issuer);
  check(from.metadata);
  checkEndpoints(from.metadata, from.most);
  // Where no resource limits a token, its scopes do, so they are the company's to say.
  const asks = challenge.scope ?? (scopesOf(about?.scopes_supported?.join(' ')).join(' ') || undefined);
  return {
    metadata: from.metadata as ServerMetadata,
    resource: auth.resource === false ? undefined : (auth.resource ?? about?.resource ?? plainly(address)),
    scope: auth.resource === false ? undefined : asks,
    most: from.most,
    fetch: from.fetch,
  };
}

type FoundServer = Reach & { metadata: ServerDocument };

/** A server's word leads no further inside than the server itself is. */
async function namedBy(issuer: string | undefined, address: URL, reach: Reach): Promise<FoundServer> {
  return { ...reach, metadata: issuer === undefined ? await ofOldServer(address, reach.fetch) : await findServer(issuer, reach.fetch) };
}

/** One request without a token, to hear what the server wants and to see where it is. Some ask for a key before they say it: it goes there alone. */
async function ask(entry: ServerEntry, given: Given): Promise<Reach & { challenge: Challenge }> {
  const reach = outwards(new URL(entry.url!));
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'gatehouse', version: '1' } };
  const response = await reach
    .fetch(withQuery(new URL(entry.url!), given.query), {
      method: 'POST',
      headers: [
        ['content-type', 'application/json'],
        ['accept', 'application/json, text/event-stream'],
        ...Object.entries(entry.headers),
        ...pairs(given.headers),
      ],
      body: JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
    })
    .catch((cause: unknown) => {
      throw away(entry.url!, cause);
    });
  const challenge = response.status === 401 ? readChallenge(response.headers.get('www-authenticate') ?? undefined) : {};
  return { challenge, ...reach.settled() };
}

async function findResource(address: URL, auth: OAuth, challenge: Challenge, fetch: Fetch) {
  const places =
    challenge.resourceMetadata === undefined
      ? [...new Set([`${address.origin}${wellKnown}${pathOf(address)}`, `${address.origin}${wellKnown}`])]
      : [challenge.resourceMetadata];
  for (const place of places) {
    const document = await get(place, fetch);
    if (document === undefined) continue;
    const read = resourceMetadata.safeParse(document);
    if (!read.success) throw lie('its resource metadata (RFC 9728) cannot be read');
    // RFC 9728 section 3.3: the document speaks for what its own place was made of, the server or its whole origin. A token for a larger place would be
    // good at all servers there, so a document elsewhere, and one of the server's path, may name the server alone; else only the company may say it.
    const at = new URL(place);
    const spoken = [
      address.origin + address.pathname,
      ...(at.pathname === wellKnown && at.origin === address.origin ? [address.origin] : []),
    ];
    const { resource } = read.data;
    if (resource !== auth.resource && !spoken.map(bare).includes(bare(URL.parse(resource)?.href ?? '')))
      throw lie(
        'its resource metadata (RFC 9728) is about another server; where it is right, the registry entry states it as "auth.resource"',
      );
    return read.data;
  }
  if (challenge.resourceMetadata !== undefined) throw lie('the resource metadata (RFC 9728) that it points to is not there');
  return undefined;
}

/** Revision 2025-03-26: the server is its own authorization server, at its origin, with or without metadata. */
async function ofOldServer(address: URL, fetch: Fetch) {
  const { origin } = address;
  const document = await get(`${origin}/.well-known/oauth-authorization-server`, fetch);
  if (document === undefined)
    return serverMetadata.parse({
      issuer: origin,
      authorization_endpoint: `${origin}/authorize`,
      token_endpoint: `${origin}/token`,
      registration_endpoint: `${origin}/register`,
      code_challenge_methods_supported: ['S256'],
    });
  const read = serverMetadata.safeParse(document);
  if (!read.success) throw lie(`the metadata of ${address.host} cannot be read`);
  if (URL.parse(read.data.issuer)?.origin !== origin) throw lie(`${address.host} says that it is another server`);
  return read.data;
}

function check({ issuer, authorization_endpoint, code_challenge_methods_supported }: ServerDocument): void {
  if (authorization_endpoint === undefined) throw lie(`${host(issuer)} has nobody sign in: it names no authorization endpoint`);
  if (!code_challenge_methods_supported?.includes('S256')) throw lie(`${host(issuer)} does not offer PKCE with S256`);
}

const pairs = (list: readonly string[]) => list.flatMap((name, at) => (at % 2 === 0 ? [[name, list[at + 1]!] as [string, string]] : []));

const wellKnown = '/.well-known/oauth-protected-resource';
const bare = (text: string): string => text.replace(/\/$/, '');
