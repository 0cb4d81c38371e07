import * as oidc from 'openid-client';
import { Failure } from '../base/errors.ts';
import { readTokens, type Tokens } from './tokens.ts';

const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';

/** One request of RFC 8693: `subject` is the person's access token. What comes back must be an access token that is used as a bearer. */
export async function exchangeToken(
  configuration: oidc.Configuration,
  subject: string,
  target: { audience?: string; resource?: string; scope?: string },
  now: () => number,
): Promise<Tokens> {
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
  return readTokens(response, now());
}
