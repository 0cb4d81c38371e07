import * as oidc from 'openid-client';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { heldTokens, mayHaveToken } from '../credentials/held-tokens.ts';
import { issuedOf, type Proof, printOf, refusedBy, registeredClient, targetOf } from './registered.ts';

const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/**
 * Calls an upstream as the person, with a token of the upstream's own authorization server: the company's identity provider tells that server who the
 * person is (ID-JAG), and the server issues a token for it (RFC 7523 section 2.1; MCP extension `enterprise-managed-authorization`).
 */
export function enterpriseTokens(options: {
  now(): number;
  /** The present sign-in: another value after each one. */
  signIn(): unknown;
  /** What proves the entry's client; the same object until another one was entered. Throws where it is lacking. */
  proof(entry: ServerEntry): Proof;
  /** The identity provider's assertion for `audience`. Rejects where the person is not signed in any more, or somebody else is. */
  assertion(person: string, target: { audience: string; resource?: string; scope?: string }): Promise<string>;
}): Credentials {
  const { now, signIn, proof } = options;
  return heldTokens({
    now,
    signIn,
    want(entry, person) {
      const { auth } = entry;
      if (auth.type !== 'enterprise-managed') throw new Error('its entry asks for no enterprise-managed authorization');
      const url = mayHaveToken(entry);
      const mine = proof(entry);
      return {
        key: [auth, url, printOf(mine)],
        issue: async () => {
          try {
            // First: an authorization server that lies gets no assertion.
            const client = await registeredClient(auth, mine);
            const target = targetOf(auth, url);
            const assertion = await options.assertion(person, { audience: auth.issuer, ...target });
            return issuedOf(await oidc.genericGrantRequest(client, grant, { ...target, assertion }), now());
          } catch (error) {
            throw refusedBy(error, auth, mine);
          }
        },
      };
    },
  });
}
