import { z } from 'zod';
import { staysPrivate } from './private-url.ts';

/** Part of a command line and of a variable's name: never two separators in a row, so that it can be told apart from what stands beside it. */
export const secretName = z
  .string()
  .max(64)
  .regex(
    /^[A-Za-z][A-Za-z0-9]*(?:[-_][A-Za-z0-9]+)*$/,
    'the name of a secret has at most 64 letters, digits and single "-" or "_" between them, and begins with a letter',
  );

/** What cannot be carried would be quoted in the error that says so, with the secret in it. */
const around = z
  .string()
  .max(1024)
  .regex(/^\P{Cc}*$/u, 'it has a control character in it')
  .default('');

/** One place that a secret goes to. The texts stand around its value: `Bearer ` before it, for example. */
const secretPlace = z.object({
  in: z.enum(['header', 'query', 'environment']),
  name: z.string().min(1).max(256),
  before: around,
  after: around,
});

/** What a person has to supply for a server. INVARIANT: the value is never here; it rests in the vault of each computer. */
export const secret = z.object({
  name: secretName,
  /** The company's words for whoever is asked for it. */
  description: z.string().max(1000).default(''),
  /** Without it nothing is sent to the server, and it is not started. One that is not required leaves out the places that want it. */
  required: z.boolean().default(true),
  where: z.array(secretPlace).max(16).default([]),
});
export type Secret = z.infer<typeof secret>;
export type SecretPlace = z.infer<typeof secretPlace>;

/** What of an entry decides whether its secrets can be put where they are wanted. */
interface Holder {
  secrets: readonly Secret[];
  url?: string | undefined;
  launch?: { env: Readonly<Record<string, string>> } | undefined;
  headers: Readonly<Record<string, string>>;
  auth: StatedClient;
}

/** What of `auth` is about a client at an authorization server. */
export interface StatedClient {
  type: string;
  issuer?: string | undefined;
  tokenEndpoint?: string | undefined;
  clientId?: string | undefined;
  clientSecret?: string | undefined;
  privateKey?: string | undefined;
}

/** The names of the secrets that prove the client. */
export const proofsOf = ({ clientSecret, privateKey }: StatedClient): string[] =>
  [clientSecret, privateKey].filter((name) => name !== undefined);

/** Where they go. INVARIANT: to what the company states. */
export const proofsGoTo = ({ issuer, tokenEndpoint }: StatedClient): string | undefined => tokenEndpoint ?? issuer;

/** Why an entry's secrets cannot be used as they are stated; undefined: they can. */
export function unfit({ secrets, url, launch, headers, auth }: Holder): string | undefined {
  const client = unfitClient(secrets, auth);
  if (client !== undefined) return client;
  const address = url === undefined ? undefined : URL.parse(url);
  // What is no address is refused as such.
  if (secrets.length === 0 || address === null) return undefined;
  if (address && !staysPrivate(address.href)) return `secrets would go to ${address.host} in the clear`;
  const names = new Set<string>();
  const taken = new Set([
    ...Object.keys(headers).map((name) => key('header', name)),
    ...Object.keys(launch?.env ?? {}).map((name) => key('environment', name)),
    ...(address ? [...address.searchParams.keys()].map((name) => key('query', name)) : []),
    ...(auth.type === 'none' ? [] : [key('header', 'authorization')]),
  ]);
  for (const { name, where } of secrets) {
    // Names that differ in case or separator alone are one in a variable of the environment.
    const plain = name.toUpperCase().replaceAll('-', '_');
    if (names.has(plain)) return `the secret ${name} stands twice`;
    names.add(plain);
    for (const place of where) {
      if ((place.in === 'environment') !== (launch !== undefined)) return `a secret cannot go into the ${place.in} of this server`;
      const full = key(place.in, place.name);
      if (taken.has(full)) return `${words[place.in]} ${place.name} gets its value from two places`;
      taken.add(full);
    }
  }
  return undefined;
}

/** INVARIANT: what proves a client goes to the authorization server that the company states, never to one that the server names. */
function unfitClient(secrets: readonly Secret[], auth: StatedClient): string | undefined {
  const proofs = proofsOf(auth);
  if (auth.type === 'client-credentials' && proofs.length === 0) return 'a client is proven by a clientSecret or by a privateKey';
  if (proofs.length > 1) return 'a client is proven by a clientSecret or by a privateKey, not by both';
  if (proofs.length === 0 && auth.type !== 'enterprise-managed') return undefined;
  if (auth.clientId === undefined || auth.issuer === undefined) return 'a client secret needs the clientId and the issuer that it is for';
  if (!staysPrivate(auth.issuer)) return 'what proves the client would go to the issuer in the clear';
  if (!staysPrivate(proofsGoTo(auth)!)) return 'what proves the client would go to the token endpoint in the clear';
  for (const name of proofs) {
    const stated = secrets.find((secret) => secret.name === name);
    if (stated?.required !== true) return `the client secret ${name} is none of the required secrets`;
    if (stated.where.length > 0) return `the client secret ${name} would go to the server, too`;
  }
  return undefined;
}

const key = (where: SecretPlace['in'], name: string) => `${where} ${where === 'header' ? name.toLowerCase() : name}`;
const words = { header: 'the header', query: 'the query parameter', environment: 'the variable' } as const;
