import * as oidc from 'openid-client';
import type { Credentials } from '../credentials/credentials.ts';
import { type RegisteredOptions, registeredTokens } from './registered-tokens.ts';

const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/**
 * Calls an upstream as the person, with a token of the upstream's own authorization server: the company's identity provider tells that server who the
 * person is (ID-JAG), and the server issues a token for it (RFC 7523 section 2.1; MCP extension `enterprise-managed-authorization`).
 */
export function enterpriseTokens(
  options: RegisteredOptions & {
    /** The identity provider's assertion for `audience`. Rejects where the person is not signed in any more, or somebody else is. */
    assertion(person: string, target: { audience: string; resource?: string; scope?: string }): Promise<string>;
  },
): Credentials {
  // Only now, with the client's metadata known to hold: an authorization server that lies gets no assertion.
  return registeredTokens('enterprise-managed', options, async (client, target, { auth, person }) => {
    const assertion = await options.assertion(person, { audience: auth.issuer, ...target });
    return oidc.genericGrantRequest(client, grant, { ...target, assertion });
  });
}
