import { staysPrivate } from '../../bundle/private-url.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { Telling } from './problem.ts';
import type { SecretList } from './secrets.ts';
import { type EntryMeta, entryKey } from './server-json.ts';

type Stated = NonNullable<EntryMeta['auth']>;

/** INVARIANT: a token goes to a server over TLS, or stays on this machine. */
export function authOf(
  auth: Stated,
  { url, headers = {} }: Partial<Pick<ServerEntry, 'url' | 'headers'>>,
  secrets: SecretList,
  problem: Telling['problem'],
  resolve: (path: readonly PropertyKey[], text: string) => string,
): ServerEntry['auth'] {
  if (auth.type === 'none') return auth;
  const at = ['_meta', entryKey, 'auth'];
  if (url === undefined)
    problem(at, 'A local server gets no token: "auth" is for remote ones.', 'Take "auth" away, or give the server a remote.');
  else if (URL.canParse(url) && !staysPrivate(url))
    problem(at, `Tokens would go to ${new URL(url).host} in the clear.`, 'Give the server an address with https.');
  const secretHeaders = secrets.list().flatMap(({ where }) => where.flatMap((place) => (place.in === 'header' ? [place.name] : [])));
  if ([...Object.keys(headers), ...secretHeaders].some((name) => name.toLowerCase() === 'authorization'))
    problem(at, 'Both "auth" and a header of the remote say what Authorization is.', 'Take one of them away.');
  for (const name of ['issuer', 'tokenEndpoint'] as const) {
    const place = (auth as { issuer?: string; tokenEndpoint?: string })[name];
    if (place !== undefined && !staysPrivate(place))
      problem([...at, name], 'Sign-ins there would be in the clear.', 'Give the authorization server an address with https.');
  }
  // What names something may hold variables; what proves the client is named, and never here.
  const stated = Object.entries(auth).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value !== 'string') return [[name, value]];
    if (withVariables.has(name)) return [[name, resolve([...at, name], value)]];
    if (!Object.hasOwn(proofs, name)) return [[name, value]];
    const secret = secrets.client([...at, name], value, proofs[name as keyof typeof proofs]);
    return secret === undefined ? [] : [[name, secret]];
  });
  return Object.fromEntries(stated) as ServerEntry['auth'];
}

const withVariables = new Set(['audience', 'clientId', 'resource']);
/** What a person is told who is asked for it. */
const proofs = {
  clientSecret: 'The secret of the app that IT registered there',
  privateKey: 'The private key of the app that IT registered there: PKCS#8 in PEM form, or a JWK',
};
