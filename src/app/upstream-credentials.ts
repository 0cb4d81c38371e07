import { Failure } from '../base/errors.ts';
import type { Identity } from '../identity/identity.ts';
import { openCredentials } from '../upstreams/credentials/by-type.ts';
import type { Credentials } from '../upstreams/credentials/credentials.ts';
import { exchangedTokens } from '../upstreams/credentials/exchange.ts';
import { clientTokens } from '../upstreams/oauth/client-credentials.ts';
import { enterpriseTokens } from '../upstreams/oauth/enterprise-managed.ts';
import type { SignIns } from '../upstreams/oauth/sign-ins.ts';
import { filledOf, type SecretSource } from '../upstreams/secrets/source.ts';

/** How requests to upstreams say who asks, for each kind of `auth` that an entry may state. */
export function upstreamCredentials(options: {
  now(): number;
  identity(): Identity | undefined;
  secrets: SecretSource;
  signIns: SignIns;
}): Credentials {
  const { now, identity, secrets, signIns } = options;
  const signedIn = (): Identity => {
    const present = identity();
    if (present === undefined) throw new Failure('signed-out', 'You are not signed in.', 'Sign in to Gatehouse first.');
    return present;
  };
  const common = { now, signIn: () => identity()?.present() };
  const proof: Parameters<typeof clientTokens>[0]['proof'] = (entry) => filledOf(secrets, entry);
  return openCredentials({
    oauth: signIns.credentials,
    exchange: exchangedTokens({ ...common, exchange: async (person, target) => signedIn().exchange(person, target) }),
    'client-credentials': clientTokens({ ...common, proof }),
    'enterprise-managed': enterpriseTokens({
      ...common,
      proof,
      assertion: async (person, target) => signedIn().assertion(person, target),
    }),
  });
}
