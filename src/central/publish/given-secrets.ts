import { Failure } from '../../base/errors.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { proofsOf } from '../../bundle/secret.ts';
import { fill } from '../../upstreams/secrets/fill.ts';
import type { SecretSource } from '../../upstreams/secrets/source.ts';
import { checkValue } from '../../upstreams/secrets/value.ts';

/** Two underscores: neither an id's end nor a name's beginning can be moved over to the other, so that no server sees a secret of another. */
const variableFor = (id: string, name: string) => `GATEHOUSE_BLESS_SECRET_${capitals(id)}__${capitals(name)}`;
const capitals = (text: string) => text.toUpperCase().replaceAll('-', '_');

/** Blessing has no person's vault: whoever blesses puts the secrets into variables of the environment, one for each server and name. Else it throws a Failure. */
export function givenSecrets(entry: ServerEntry, environment: NodeJS.ProcessEnv): SecretSource {
  const { id, auth } = entry;
  // Nobody signs in here: where people do, what blesses has its token from elsewhere.
  const unasked = auth.type === 'client-credentials' ? [] : proofsOf(auth);
  const secrets = entry.secrets.filter(({ name }) => !unasked.includes(name));
  const given = new Map(secrets.map((secret) => [secret.name, environment[variableFor(id, secret.name)] || undefined]));
  const missing = secrets.filter(({ name, required }) => required && given.get(name) === undefined);
  for (const secret of secrets) if (given.get(secret.name) !== undefined) checkValue(secret, given.get(secret.name)!);
  if (missing.length > 0)
    throw new Failure(
      'bad-input',
      `The server ${id} cannot be read without ${missing.map(({ name }) => name).join(' and ')}.`,
      `Put it into ${missing.map(({ name }) => variableFor(id, name)).join(' and ')}, in the environment of this one command, then bless it again.`,
    );
  const filled = fill({ secrets, auth }, (name) => given.get(name));
  return { lacking: () => undefined, filled: () => filled, whose: () => undefined };
}
