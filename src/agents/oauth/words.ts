import type { Limits, Pending } from './requests.ts';

/** Consent in plain words, for the record. What a client says of itself is quoted; no code and no token is here to be told. */

const who = ({ client, redirect }: Pending): string =>
  `${JSON.stringify(client.name)} (${redirect.reach === 'pipe' ? 'the program that started the bridge' : client.host === undefined ? 'it registered itself' : client.id})`;

export const listed = (servers: readonly string[] | undefined): string =>
  servers === undefined ? 'all servers that the rules allow' : servers.length === 0 ? 'no server' : `the servers ${servers.join(', ')}`;

export function allowedInWords(by: string, pending: Pending, name: string, { servers, expiresAt }: Limits): string {
  const until = expiresAt === undefined ? '' : ` until ${expiresAt}`;
  return `${by} allowed ${who(pending)} to sign in as the agent "${name}", with ${listed(servers)}${until}.`;
}

export const deniedInWords = (by: string, pending: Pending): string => `${by} did not allow ${who(pending)} to sign in.`;

export const expiredInWords = (pending: Pending): string => `Nobody decided in time whether ${who(pending)} may sign in, so it may not.`;
