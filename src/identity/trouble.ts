import * as oidc from 'openid-client';
import { Failure } from '../base/errors.ts';

/**
 * What a failed exchange with the identity provider means for the session. `ended`: the person must sign in again.
 * `unreachable`: nothing was learned, the session stays (network, proxy, captive portal, 5xx). `refused`: the provider
 * answered that it does not want this client or request; the session stays too, as only IT can mend that.
 */
export type Trouble = 'ended' | 'unreachable' | 'refused';

// RFC 6749 section 5.2; the other three are OpenID Connect Core 3.1.2.6, which Entra ID also answers to a refresh.
const ended = new Set(['invalid_grant', 'interaction_required', 'login_required', 'consent_required']);
const passing = new Set(['server_error', 'temporarily_unavailable', 'slow_down']);
// Errors of openid-client that speak of an answer that is no OAuth answer at all.
const noAnswer = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
]);

export function troubleOf(error: unknown): Trouble {
  if (error instanceof oidc.ResponseBodyError) {
    if (ended.has(error.error)) return 'ended';
    return error.status >= 500 || error.status === 429 || passing.has(error.error) ? 'unreachable' : 'refused';
  }
  if (error instanceof oidc.ClientError) return noAnswer.has(error.code ?? '') || error.code === undefined ? 'unreachable' : 'refused';
  if (error instanceof Failure) return error.code === 'unavailable' ? 'unreachable' : 'refused';
  return isBug(error) ? 'refused' : 'unreachable';
}

/** Puts any error of a flow into words a person can act on. Never holds a token, code or verifier: only names and descriptions. */
export function toFailure(error: unknown, issuer: string): Failure {
  if (error instanceof Failure) return error;
  const at = new URL(issuer).host;
  if (error instanceof oidc.AuthorizationResponseError || error instanceof oidc.ResponseBodyError) return answered(error, at);
  if (error instanceof oidc.ClientError && noAnswer.has(error.code ?? '')) return unreachable(error, at);
  if (error instanceof oidc.ClientError && error.code !== undefined) {
    return new Failure(
      'integrity',
      `The answer of the identity provider ${at} failed a security check (${error.message}).`,
      'Start the sign-in again. If it happens again, tell your IT security team: somebody may be interfering with the connection.',
      { cause: error },
    );
  }
  if (isBug(error))
    return new Failure('internal', 'The sign-in failed inside Gatehouse.', 'See the log file, then try again.', { cause: error });
  return unreachable(error, at);
}

/** A code of RFC 6749 section 5.2. What else stands in its place may be anything that we sent. */
export const codeOf = ({ error }: { error: string }): string => (/^[a-z_]{1,40}$/.test(error) ? error : 'an unknown error');

function answered(error: oidc.AuthorizationResponseError | oidc.ResponseBodyError, at: string): Failure {
  const said = plain(error.error_description).replace(/\.$/, '');
  const detail = said === '' ? codeOf(error) : `${codeOf(error)}: ${said}`;
  const cause = { cause: error };
  switch (error.error) {
    case 'access_denied':
      return new Failure(
        'denied',
        `The sign-in was refused at ${at} (${detail}).`,
        'Start the sign-in again. If you did not refuse it yourself, ask IT to give your account access to Gatehouse.',
        cause,
      );
    case 'expired_token':
      return new Failure('timed-out', 'The code was not entered in time.', 'Start the sign-in again to get a new code.', cause);
  }
  if (ended.has(error.error)) {
    return new Failure('signed-out', `The identity provider ended the session (${detail}).`, 'Sign in again.', cause);
  }
  if (passing.has(error.error) || (error instanceof oidc.ResponseBodyError && error.status >= 500)) {
    return new Failure(
      'unavailable',
      `The identity provider ${at} has a problem of its own (${detail}).`,
      'Try again in a few minutes.',
      cause,
    );
  }
  return new Failure(
    'bad-input',
    `The identity provider ${at} does not accept this app's settings (${detail}).`,
    'Send this message to IT: the client registration for Gatehouse (client id, redirect URI, scopes, resource) needs a look.',
    cause,
  );
}

function unreachable(error: unknown, at: string): Failure {
  const code = causeCode(error);
  const certificate = code !== undefined && /CERT|SIGNATURE|ALTNAME|SSL|TLS/.test(code);
  return new Failure(
    'unavailable',
    `The identity provider ${at} could not be reached${code === undefined ? '' : ` (${code})`}.`,
    certificate
      ? 'The secure connection is being opened by something this computer does not trust. IT must install the company proxy certificate.'
      : 'Check the network, VPN or proxy. Gatehouse tries again by itself.',
    { cause: error },
  );
}

function causeCode(error: unknown): string | undefined {
  if (error instanceof Error && error.cause instanceof Response) return `HTTP ${error.cause.status}`;
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ('code' in at && typeof at.code === 'string' && !at.code.startsWith('OAUTH_')) return at.code;
  }
  return undefined;
}

// fetch() reports every network failure as a TypeError; the library's own argument checks are TypeErrors with these codes.
const isBug = (error: unknown): boolean =>
  error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_INVALID_ARG');

/** Text from outside, made harmless for one line of a window, a terminal or a log. */
function plain(text: string | undefined): string {
  return (text ?? '')
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, 200);
}
