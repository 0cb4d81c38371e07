import * as oidc from 'openid-client';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import type { ServerEntry } from '../../bundle/schema.ts';

type OAuth = Extract<ServerEntry['auth'], { type: 'oauth' }>;

/** Who Gatehouse is to one authorization server. */
export const client = z.object({
  clientId: z.string().min(1).max(2048),
  clientSecret: z.string().max(8192).optional(),
  method: z.enum(['none', 'client_secret_basic', 'client_secret_post']),
  redirectUri: z.string(),
  /** Registered by ourselves, so it may be registered again. */
  registered: z.boolean(),
});
export type Client = z.infer<typeof client>;

/** RFC 7591 section 3.2.1. */
const registration = z.looseObject({
  client_id: z.string().min(1).max(2048),
  client_secret: z.string().max(4096).optional(),
  token_endpoint_auth_method: z.string().optional(),
});

const methods = ['none', 'client_secret_basic', 'client_secret_post'] as const;

/** In the specification's order: the id that the company states, a client metadata document, dynamic registration. */
export async function clientFor(options: {
  auth: OAuth;
  metadata: oidc.ServerMetadata;
  redirectUri: string;
  /** Of the client that the company states, where it is a confidential one. */
  secret: string | undefined;
  fetch: typeof globalThis.fetch;
}): Promise<Client> {
  const { auth, metadata, redirectUri, secret, fetch } = options;
  const own = { redirectUri, registered: false, method: 'none' as const };
  // Absent means client_secret_basic (RFC 8414 section 2).
  const offered: readonly string[] = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic', 'none'];
  if (auth.clientId !== undefined) {
    if (secret === undefined) return { ...own, clientId: auth.clientId };
    return { ...own, clientId: auth.clientId, clientSecret: secret, method: secretMethod(metadata) };
  }
  if (auth.clientMetadata !== undefined && metadata['client_id_metadata_document_supported'] === true)
    return { ...own, clientId: auth.clientMetadata };
  const { registration_endpoint: endpoint } = metadata;
  const at = new URL(metadata.issuer).host;
  if (endpoint === undefined)
    throw new Failure(
      'denied',
      `${at} takes no new apps, and does not know Gatehouse.`,
      `Ask IT to register Gatehouse there, with the redirect URI ${redirectUri}, and to state its client id in the registry.`,
    );
  const method = methods.find((one) => offered.includes(one)) ?? 'none';
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      client_name: 'Gatehouse',
      application_type: 'native',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: method,
      // No scope: a step-up could not go beyond what stood here.
    }),
  });
  const read = response.status < 300 ? registration.safeParse(await response.json().catch(() => undefined)) : undefined;
  if (!read?.success)
    throw new Failure(
      response.status >= 500 || response.status === 429 ? 'unavailable' : 'denied',
      `${at} did not register Gatehouse as an app (HTTP ${response.status}).`,
      'Try again later; if that does not help, send this message to IT.',
    );
  const { client_id: clientId, client_secret: clientSecret, token_endpoint_auth_method: told } = read.data;
  // RFC 7591 section 3.2.1: the server may have chosen another method than was asked for.
  const chosen =
    methods.find((one) => one === told) ?? (clientSecret === undefined ? 'none' : method === 'none' ? 'client_secret_basic' : method);
  return { clientId, method: chosen, redirectUri, registered: true, ...(clientSecret === undefined ? {} : { clientSecret }) };
}

/** For openid-client's requests, all of which go through `fetch`. */
export const configurationOf = (
  metadata: oidc.ServerMetadata,
  { clientId, clientSecret = '', method }: Client,
  fetch: typeof globalThis.fetch,
): oidc.Configuration =>
  configured(metadata, clientId, method === 'none' ? oidc.None() : withSecret(method, clientId, clientSecret), fetch);

export function configured(
  metadata: oidc.ServerMetadata,
  clientId: string,
  authentication: oidc.ClientAuth,
  fetch: typeof globalThis.fetch,
): oidc.Configuration {
  const configuration = new oidc.Configuration(metadata, clientId, undefined, authentication);
  configuration.timeout = 10;
  configuration[oidc.customFetch] = (url, options) => fetch(url, options as RequestInit);
  if (new URL(metadata.token_endpoint!).protocol === 'http:') oidc.allowInsecureRequests(configuration);
  return configuration;
}

export const withSecret = (method: SecretMethod, clientId: string, secret: string): oidc.ClientAuth =>
  method === 'client_secret_basic' ? basic(clientId, secret) : oidc.ClientSecretPost(secret);

export type SecretMethod = 'client_secret_basic' | 'client_secret_post';

/** How a client that has a secret proves itself. Absent means client_secret_basic (RFC 8414 section 2). */
export const secretMethod = ({ token_endpoint_auth_methods_supported: offered = [] }: oidc.ServerMetadata): SecretMethod =>
  offered.includes('client_secret_basic') || !offered.includes('client_secret_post') ? 'client_secret_basic' : 'client_secret_post';

/** RFC 6749 section 2.3.1. The library's own also encodes `-`, `.` and `_`, which the form encoding leaves, and some servers do not decode. */
const basic =
  (id: string, secret: string): oidc.ClientAuth =>
  (_server, _client, _body, headers) =>
    headers.set('authorization', `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`);

const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
