import { decodeJwt, decodeProtectedHeader } from 'jose';
import * as oidc from 'openid-client';
import { Failure } from '../base/errors.ts';
import { readTokens, type Tokens } from './tokens.ts';
import { codeOf, toFailure } from './trouble.ts';

const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const idToken = 'urn:ietf:params:oauth:token-type:id_token';
const idJag = 'urn:ietf:params:oauth:token-type:id-jag';

/** One request of RFC 8693: `subject` is the person's access token. What comes back must be an access token that is used as a bearer. */
export async function exchangeToken(
  configuration: oidc.Configuration,
  subject: string,
  target: { audience?: string; resource?: string; scope?: string },
  now: () => number,
): Promise<Pick<Tokens, 'accessToken' | 'refreshAt' | 'expiresAt'>> {
  const response = await oidc.genericGrantRequest(configuration, grant, {
    ...target,
    subject_token: subject,
    subject_token_type: accessToken,
    requested_token_type: accessToken,
  });
  if (response['issued_token_type'] !== accessToken || response.token_type !== 'bearer')
    throw new Failure(
      'integrity',
      'The identity provider exchanged the token for something that is no access token.',
      'Send this message to IT: the token exchange for Gatehouse needs a look.',
    );
  // Whatever else comes with it is no business of an upstream's credential.
  const { accessToken: token, refreshAt, expiresAt } = readTokens(response, now());
  return { accessToken: token, refreshAt, expiresAt };
}

/** One request of RFC 8693 for an ID-JAG: `subject` is the person's ID token. What comes back is for `audience` and nobody else. */
export async function requestAssertion(
  configuration: oidc.Configuration,
  subject: string,
  target: { audience: string; resource?: string; scope?: string },
): Promise<string> {
  const response = await oidc.genericGrantRequest(configuration, grant, {
    ...target,
    subject_token: subject,
    subject_token_type: idToken,
    requested_token_type: idJag,
  });
  // INVARIANT: nothing else of the person's is handed on: a provider that knows no ID-JAG may answer with an access token.
  if (response['issued_token_type'] !== idJag || !isAssertionFor(target.audience, response.access_token))
    throw new Failure(
      'integrity',
      'The identity provider issued something that is no assertion for the authorization server of this upstream (ID-JAG).',
      'Send this message to IT: enterprise-managed authorization for this server needs a look.',
    );
  return response.access_token;
}

function isAssertionFor(audience: string, token: string): boolean {
  try {
    const { aud } = decodeJwt(token);
    return decodeProtectedHeader(token).typ === 'oauth-id-jag+jwt' && [aud].flat().every((one) => one === audience);
  } catch {
    return false;
  }
}

/** RFC 8693 section 2.2.2: a subject token that is not, or no longer, valid is an invalid request. Some providers say `invalid_grant`. */
export const subjectRefused = (error: unknown): boolean =>
  error instanceof oidc.ResponseBodyError && ['invalid_request', 'invalid_grant', 'invalid_token'].includes(error.error);

/** In words for agents, too: nothing of an answer is in them but a code of the RFCs, since an answer may hold the token that was sent. */
export function exchangeFailure(error: unknown, issuer: string): Failure {
  if (error instanceof Failure) return error;
  const at = new URL(issuer).host;
  const said = error instanceof oidc.ResponseBodyError && error.status < 500 && error.status !== 429;
  if (said)
    return new Failure(
      'denied',
      `The identity provider ${at} issues no token for it (${codeOf(error)}).`,
      'Ask IT whether your account may use this server, and whether token exchange is set up for it.',
    );
  const failure = toFailure(error, issuer);
  return failure.code === 'unavailable'
    ? new Failure('unavailable', `The identity provider ${at} could not be asked for a token.`, 'Try again in a few minutes.')
    : new Failure('integrity', `The answer of the identity provider ${at} to the token exchange is not valid.`, 'Send this message to IT.');
}
