import { Failure } from '../../base/errors.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import { type Lack, UpstreamError } from '../upstream.ts';
import { type Filled, nothing } from './fill.ts';

/** Where the secrets of registry entries come from. */
export interface SecretSource {
  /** A promise only until the vault has answered for the first time. */
  lacking(entry: ServerEntry): Lack | undefined | Promise<Lack | undefined>;
  /** Undefined where something is lacking, or not known yet. */
  filled(entry: ServerEntry): Filled | undefined;
  /** Stands for whoever they belong to at present: the same value until somebody else is here. */
  whose(): unknown;
}

/** For whoever has no vault. INVARIANT: a server that takes secrets is not reached then. */
export const noSecrets: SecretSource = {
  lacking: ({ secrets }) => (secrets.length === 0 ? undefined : { kind: 'unavailable', what: 'there is no vault here' }),
  filled: ({ secrets }) => (secrets.length === 0 ? nothing : undefined),
  whose: () => undefined,
};

/** As part of a sentence about a server. */
export const lackWords = ({ kind, what, moved }: Lack): string =>
  kind === 'unavailable' ? what : `it needs ${what}${moved === undefined ? ', which is not entered on this computer' : `: ${moved}`}`;

/** Nothing is sent, and nothing is started. */
export const lackError = (lack: Lack): UpstreamError => new UpstreamError('unauthorized', lackWords(lack));

/** For a sign-in at the server. Rejects with a Failure where one is lacking. */
export async function givenFor(source: SecretSource, entry: ServerEntry): Promise<Filled> {
  const lack = await source.lacking(entry);
  if (!lack) return filledOf(source, entry);
  throw new Failure(
    lack.kind === 'missing' ? 'bad-input' : 'unavailable',
    `You cannot sign in to ${entry.title} yet: ${lackWords(lack)}.`,
    lack.kind === 'missing' ? 'Enter it in Gatehouse, then sign in again.' : 'Unlock the keychain, then try again.',
  );
}

/** Throws where they are not all there, which can only be since the last look. */
export function filledOf(source: SecretSource, entry: ServerEntry): Filled {
  const filled = source.filled(entry);
  if (!filled) throw lackError({ kind: 'unavailable', what: 'its secrets are not there any more' });
  return filled;
}
