import * as oidc from 'openid-client';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { heldTokens, mayHaveToken } from '../credentials/held-tokens.ts';
import { issuedOf, type Proof, printOf, refusedBy, registeredClient, targetOf } from './registered.ts';

/** Calls an upstream as Gatehouse itself, whoever the person is (RFC 6749 section 4.4; MCP extension `oauth-client-credentials`). */
export function clientTokens(options: {
  now(): number;
  /** The present sign-in: another value after each one. */
  signIn(): unknown;
  /** What proves the entry's client; the same object until another one was entered. Throws where it is lacking. */
  proof(entry: ServerEntry): Proof;
}): Credentials {
  const { now, signIn, proof } = options;
  return heldTokens({
    now,
    signIn,
    want(entry) {
      const { auth } = entry;
      if (auth.type !== 'client-credentials') throw new Error('its entry states no client');
      const url = mayHaveToken(entry);
      const mine = proof(entry);
      return {
        key: [auth, url, printOf(mine)],
        issue: async () => {
          try {
            const client = await registeredClient(auth, mine);
            return issuedOf(await oidc.clientCredentialsGrant(client, targetOf(auth, url)), now());
          } catch (error) {
            throw refusedBy(error, auth, mine);
          }
        },
      };
    },
  });
}
