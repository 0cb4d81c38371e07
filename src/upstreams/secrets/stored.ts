import { hash } from 'node:crypto';
import { z } from 'zod';
import type { ServerEntry } from '../../bundle/schema.ts';
import { proofsGoTo, proofsOf } from '../../bundle/secret.ts';
import { downloads } from '../local/environment.ts';

/** Whose a secret is. Another company, another sign-in or another person never gets it. */
export type Scope = readonly [central: string, company: string, issuer: string, person: string];

/** The name of a secret in the vault: of one server of one company, for one person. The same name in another server's entry is another secret. */
export const vaultName = (scope: Scope, server: string, name: string): string =>
  `server-secret-${hash('sha256', JSON.stringify([...scope, server, name]), 'base64url')}`;

/** What rests in the vault. `goesTo` is where it was meant to go when it was entered. */
const record = z.strictObject({ format: z.literal(1), value: z.string(), goesTo: z.string() });
export type Stored = z.infer<typeof record>;

/** Throws without quoting the text, which is a secret. */
export function readStored(text: string): Stored {
  try {
    return record.parse(JSON.parse(text));
  } catch {
    throw new Error('what the vault holds is damaged');
  }
}

/**
 * Where a secret of an entry goes: a remote server's origin, that of the authorization server for a client's, or all that decides what a local one does with them, the variables that they stand in and what
 * stands around them there included: `HTTPS_PROXY` and a host name behind the value would send it to that host. A person who entered a secret for the
 * one has not agreed to the other, whatever the next bundle says. Another version of the same package asks for nothing again.
 */
export function goesTo({ url, launch, secrets, auth }: Pick<ServerEntry, 'url' | 'launch' | 'secrets' | 'auth'>, secret: string): string {
  if (proofsOf(auth).includes(secret)) return new URL(proofsGoTo(auth)!).origin;
  if (url !== undefined) return new URL(url).origin;
  if (launch === undefined) return '';
  const { command, args, env, cwd } = launch;
  // The first one is the package; what else looks like one may be an address.
  const at = downloads(launch) ? args.findIndex((arg) => packageVersion.test(arg)) : -1;
  const plain = at < 0 ? args : args.with(at, args[at]!.replace(packageVersion, '$1'));
  const places = secrets.flatMap(({ name, where }) => where.map((place) => [place.name, name, place.before, place.after])).sort();
  return `program ${hash('sha256', JSON.stringify([command, plain, Object.entries(env).sort(), cwd, places]), 'base64url')}`;
}

/** `NAME@1.2.3` of npm and `NAME==1.2.3` of PyPI, as an argument of their own. */
const packageVersion = /^((?:@[\w.-]+\/)?[\w.-]+)(?:@|==)\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/;

/** Why a secret that is there is not used: for the person, who may enter it again. */
export const movedWords = (from: string, to: string): string =>
  from.startsWith('program ') || to.startsWith('program ')
    ? 'the company changed how this server is started since it was entered'
    : `it was entered for ${from}, and the company moved this server to ${to}`;
