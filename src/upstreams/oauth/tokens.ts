import * as oidc from 'openid-client';
import type { Failure } from '../../base/errors.ts';
import { guardedFetch } from '../../base/guarded-fetch.ts';
import { lead } from '../../base/lifetime.ts';
import { bearer, isBearer } from '../credentials/bearer.ts';
import type { HeaderList } from '../credentials/credentials.ts';
import { configurationOf } from './client.ts';
import type { Kept } from './kept.ts';

type Answer = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers;

/** Milliseconds: a year. */
const longest = 31_536_000_000;

/** What of an answer of the token endpoint is kept (RFC 6749 section 5.1). Throws where the token is none that can be sent. */
export function tokensOf(answer: Answer, now: number): Pick<Kept, 'accessToken' | 'refreshToken' | 'expiresAt' | 'refreshAt' | 'account'> {
  if (answer.token_type !== 'bearer' || !isBearer(answer.access_token))
    throw new Error('the authorization server issued a token that cannot be used');
  const lifetime = answer.expires_in === undefined ? undefined : Math.min(Math.max(answer.expires_in, 0) * 1000, longest);
  const account = accountOf(answer.claims());
  return {
    accessToken: answer.access_token,
    ...(answer.refresh_token === undefined ? {} : { refreshToken: answer.refresh_token }),
    ...(lifetime === undefined ? {} : { expiresAt: now + lifetime, refreshAt: now + lifetime - lead(lifetime) }),
    ...(account === undefined ? {} : { account }),
  };
}

function accountOf(claims: oidc.IDToken | undefined): string | undefined {
  const said = [claims?.['email'], claims?.['preferred_username'], claims?.['name'], claims?.sub].find(
    (text) => typeof text === 'string' && text !== '',
  );
  return typeof said === 'string'
    ? said
        .replace(/\p{C}+/gu, ' ')
        .trim()
        .slice(0, 200) || undefined
    : undefined;
}

const lists = new WeakMap<Kept, HeaderList>();
/** Whose sign-in a list was made of: a call that one person began is not made again as another. */
const owners = new WeakMap<HeaderList, string>();

/** The same list for the same sign-in, so that it is known again when the server refuses it. */
export function headersOf(kept: Kept, account: string): HeaderList {
  const found = lists.get(kept);
  if (found) return found;
  const list = bearer(kept.accessToken);
  lists.set(kept, list);
  owners.set(list, account);
  return list;
}

export const ownerOf = (list: HeaderList): string | undefined => owners.get(list);

const configurationFor = ({ metadata, client, most }: Kept): oidc.Configuration =>
  configurationOf(metadata as oidc.ServerMetadata, client, guardedFetch(most));

/** One refresh (RFC 6749 section 6). What the answer leaves out stays as it was. */
export async function refreshed(kept: Kept, now: () => number): Promise<Kept> {
  const parameters = kept.resource === undefined ? {} : { resource: kept.resource };
  const tokens = tokensOf(await oidc.refreshTokenGrant(configurationFor(kept), kept.refreshToken!, parameters), now());
  const { expiresAt: _expiresAt, refreshAt: _refreshAt, ...rest } = kept;
  return { ...rest, ...tokens };
}

/** RFC 7009: both tokens end with the refresh token (section 2.1). */
export async function revoke(kept: Kept): Promise<void> {
  if (typeof kept.metadata['revocation_endpoint'] !== 'string') return;
  const hint = kept.refreshToken === undefined ? 'access_token' : 'refresh_token';
  await oidc.tokenRevocation(configurationFor(kept), kept.refreshToken ?? kept.accessToken, { token_type_hint: hint });
}

/** Whether the answer to a refresh means that the person has to sign in again. All else passes. */
export const isOver = (error: unknown): boolean =>
  isUnknownClient(error) ||
  (error instanceof oidc.ResponseBodyError && error.status < 500 && ['invalid_grant', 'invalid_scope'].includes(error.error));

/** RFC 6749 section 5.2: where a client is not known, the answer may be a 401 with a challenge. */
export const isUnknownClient = (error: unknown): boolean =>
  (error instanceof oidc.WWWAuthenticateChallengeError && error.status === 401) ||
  (error instanceof oidc.ResponseBodyError && error.status < 500 && ['invalid_client', 'unauthorized_client'].includes(error.error));

/** Whether asking again would change nothing. */
export const isFinal = (error: unknown): boolean =>
  isUnknownClient(error) || (error instanceof oidc.ResponseBodyError && error.status < 500 && ![408, 429].includes(error.status));

/** In one line: nothing of an answer is in it but a code of the RFCs, since an answer may hold what was sent. */
export function told(error: unknown): string {
  if (error instanceof oidc.ResponseBodyError || error instanceof oidc.AuthorizationResponseError)
    return /^[a-z_]{1,40}$/.test(error.error) ? error.error : 'an unknown error';
  if (error instanceof Error && error.name === 'Failure') return (error as Failure).message;
  if (error instanceof oidc.ClientError && error.code !== undefined) return `its answer failed a check: ${error.code}`;
  return 'it could not be reached';
}
