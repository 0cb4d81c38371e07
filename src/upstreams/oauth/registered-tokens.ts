import type * as oidc from 'openid-client';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { heldTokens, mayHaveToken } from '../credentials/held-tokens.ts';
import { issuedOf, type Proof, printOf, type Registered, refusedBy, registeredClient, targetOf } from './registered.ts';

/** What a registered client's tokens depend on. */
export interface RegisteredOptions {
  now(): number;
  /** The present sign-in: another value after each one. */
  signIn(): unknown;
  /** What proves the entry's client; the same object until another one was entered. Throws where it is lacking. */
  proof(entry: ServerEntry): Proof;
}

/** Tokens that an authorization server issues to Gatehouse as a client that IT registered there; `request` makes the grant, once its metadata holds. */
export function registeredTokens(
  type: Registered['type'],
  { now, signIn, proof }: RegisteredOptions,
  request: (
    client: oidc.Configuration,
    target: ReturnType<typeof targetOf>,
    whose: { auth: Registered; person: string },
  ) => Promise<Parameters<typeof issuedOf>[0]>,
): Credentials {
  return heldTokens({
    now,
    signIn,
    want(entry, person) {
      const { auth } = entry;
      if (auth.type !== type) throw new Error(`its entry states no client for ${type}`);
      const registered = auth as Registered;
      const url = mayHaveToken(entry);
      const mine = proof(entry);
      return {
        key: [auth, url, printOf(mine)],
        issue: async () => {
          try {
            const client = await registeredClient(registered, mine);
            return issuedOf(await request(client, targetOf(registered, url), { auth: registered, person }), now());
          } catch (error) {
            throw refusedBy(error, registered, mine);
          }
        },
      };
    },
  });
}
