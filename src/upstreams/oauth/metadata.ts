import { z } from 'zod';
import { type AddressKind, within } from '../../base/address-kind.ts';
import { Failure } from '../../base/errors.ts';
import { guardedFetch, literalPlace } from '../../base/guarded-fetch.ts';

type Fetch = typeof fetch;

export const webAddress = z.url({ protocol: /^https?$/ });
/** RFC 8414 section 2, as far as it is used here. */
export const serverMetadata = z.looseObject({
  issuer: z.string().max(2048),
  authorization_endpoint: webAddress.optional(),
  token_endpoint: webAddress,
  registration_endpoint: webAddress.optional(),
  revocation_endpoint: webAddress.optional(),
  jwks_uri: webAddress.optional(),
  scopes_supported: z.array(z.string()).max(10_000).optional(),
  code_challenge_methods_supported: z.array(z.string()).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  token_endpoint_auth_signing_alg_values_supported: z.array(z.string()).optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
});
export type ServerDocument = z.infer<typeof serverMetadata>;

/** What a place is reached with, and how far inside it is. */
export interface Reach {
  fetch: Fetch;
  most: AddressKind;
}
/** What the company states is no stranger's word: it may be elsewhere than the server, and opens nothing to the server. */
export async function statedAt(issuer: string): Promise<Reach & { metadata: ServerDocument }> {
  const reach = outwards(new URL(issuer));
  const metadata = await findServer(issuer, reach.fetch);
  return { ...reach.settled(), metadata };
}

/**
 * Fetches from a place, and finds out how far inside it is: what its name is said to lead to opens nothing, a verified connection does. No name leads to
 * this machine.
 */
export function outwards(to: URL): { fetch: Fetch; settled(): Reach } {
  const literal = literalPlace(to);
  if (literal === 'never')
    throw new Failure('denied', `Gatehouse does not go to ${to.host}.`, 'Tell IT: the address of this server is none that can be used.');
  let most: AddressKind = literal ?? 'public';
  const fetch = guardedFetch(literal ?? 'private', {
    arrived(at) {
      if (literal === undefined && at === 'private') most = 'private';
    },
  });
  return { fetch, settled: () => ({ fetch: guardedFetch(most), most }) };
}

export async function findServer(issuer: string, fetch: Fetch): Promise<ServerDocument> {
  const at = URL.parse(issuer);
  if (at?.search !== '' || at.hash !== '') throw lie('its authorization server has an address that is none');
  const path = pathOf(at);
  const places = [
    `${at.origin}/.well-known/oauth-authorization-server${path}`,
    ...(path === '' ? [] : [`${at.origin}/.well-known/openid-configuration${path}`]),
    `${at.origin}${path}/.well-known/openid-configuration`,
  ];
  for (const place of places) {
    const document = await get(place, fetch);
    if (document === undefined) continue;
    const read = serverMetadata.safeParse(document);
    if (!read.success) throw lie(`the metadata of ${at.host} cannot be read`);
    // RFC 8414 section 3.3. Without it, one server could have its people sent to another one's sign-in.
    if (read.data.issuer !== issuer) throw lie(`${at.host} says that it is another server`);
    return read.data;
  }
  throw lie(`${at.host} has no metadata (RFC 8414)`);
}

/** What is sent to them is read by nobody on the way, and none leads further inside than `most`. */
export function checkEndpoints(metadata: ServerDocument, most: AddressKind): void {
  for (const endpoint of [
    metadata.authorization_endpoint,
    metadata.token_endpoint,
    metadata.registration_endpoint,
    metadata.revocation_endpoint,
  ]) {
    const at = endpoint === undefined ? undefined : new URL(endpoint);
    if (at && at.protocol !== 'https:' && !(within('loopback', most) && ['127.0.0.1', 'localhost', '[::1]'].includes(at.hostname)))
      throw lie(`${host(metadata.issuer)} would have it done in the clear, at ${at.host}`);
  }
}

/** Undefined: there is no such document. */
export async function get(place: string, fetch: Fetch): Promise<unknown> {
  const response = await fetch(place, { headers: { accept: 'application/json' } }).catch((cause: unknown) => {
    throw away(place, cause);
  });
  if (response.status >= 400 && response.status < 500 && response.status !== 429 && response.status !== 408) return undefined;
  if (response.status >= 300 && response.status < 400) throw lie(`${host(place)} sends elsewhere for its metadata`);
  if (response.status !== 200)
    throw new Failure('unavailable', `${host(place)} has a problem of its own (HTTP ${response.status}).`, 'Try again in a few minutes.');
  return response.json().catch(() => {
    throw lie(`the metadata at ${host(place)} is not JSON`);
  });
}

export const host = (text: string): string => URL.parse(text)?.host.slice(0, 200) ?? 'somewhere';
/** A query may hold a key, and a resource has no fragment (RFC 8707 section 2). */
export const plainly = (at: URL): string => at.origin + (at.pathname === '/' ? '' : at.pathname);
export const pathOf = ({ pathname }: URL): string => pathname.replace(/\/$/, '');

export const lie = (what: string): Failure =>
  new Failure('integrity', `The sign-in to this server cannot begin: ${what}.`, 'Send this message to IT, or to whoever runs the server.');

export function away(place: string, cause: unknown): Failure {
  if (cause instanceof Failure) return cause;
  const inner = cause instanceof Error && cause.cause instanceof Failure ? cause.cause : undefined;
  return (
    inner ??
    new Failure('unavailable', `${host(place)} could not be reached.`, 'Check the network, VPN or proxy, then try again.', { cause })
  );
}
