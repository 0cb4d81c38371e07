import { z } from 'zod';
import { withoutSequences } from '../../base/plain-text.ts';
import { OAuthError } from './errors.ts';
import { readRedirect } from './redirects.ts';

/** A client of OAuth as we know it. Everything but `host` is what it says of itself. */
export interface Client {
  /** `client_id` */
  id: string;
  name: string;
  redirectUris: string[];
  /** Of the document that describes it; absent: it registered itself here. */
  host?: string;
}

const short = z.string().max(200);

/** RFC 7591 section 2, as much of it as matters here. Agents send further members, and leave out `application_type`. */
const metadata = z.looseObject({
  redirect_uris: z.array(z.string().max(2048)).min(1).max(10),
  client_name: short.optional(),
  token_endpoint_auth_method: short.optional(),
  grant_types: z.array(short).max(10).optional(),
  response_types: z.array(short).max(10).optional(),
});
export type Metadata = z.infer<typeof metadata>;

/** Throws OAuthError as a registration has them. */
export function readMetadata(value: unknown): Metadata {
  const read = metadata.safeParse(value);
  if (!read.success) {
    const path = read.error.issues[0]?.path[0];
    throw path === 'redirect_uris'
      ? new OAuthError('invalid_redirect_uri', 'redirect_uris must be a list of 1 to 10 texts.')
      : new OAuthError('invalid_client_metadata', 'The metadata is not as RFC 7591 has it.');
  }
  const { redirect_uris, grant_types, response_types } = read.data;
  if (!redirect_uris.every((uri) => readRedirect(uri) !== undefined))
    throw new OAuthError(
      'invalid_redirect_uri',
      "A redirect URI must be https, http on 127.0.0.1, [::1] or localhost, or have a program's own scheme; no fragment, no user name.",
    );
  if (grant_types && !grant_types.includes('authorization_code'))
    throw new OAuthError('invalid_client_metadata', 'Agents sign in with the grant type authorization_code.');
  if (response_types && !response_types.includes('code'))
    throw new OAuthError('invalid_client_metadata', 'Agents sign in with the response type code.');
  return read.data;
}

/** A name that a stranger wrote, as one short line: no sequence of a terminal, nothing that turns the direction of text. */
export function claimedName(name: string | undefined): string {
  const plain = withoutSequences(name ?? '')
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return [...plain].slice(0, 60).join('').trim() || 'An agent without a name';
}

/** A name for the agent that a client becomes, out of the one it claims: with a number where that is taken. */
export function agentName(claimed: string, taken: (name: string) => boolean): string {
  const plain =
    claimed
      .normalize('NFKD')
      .replace(/[^A-Za-z0-9 ._-]+/g, ' ')
      .replace(/\s+/g, ' ')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 48)
      .trim() || 'Agent';
  for (let count = 1; ; count++) {
    const name = count === 1 ? plain : `${plain} ${count}`;
    if (!taken(name)) return name;
  }
}
