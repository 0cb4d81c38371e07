import type { ServerEntry } from '../../bundle/schema.ts';

/** Header names and values in turn. */
export type HeaderList = readonly string[];

/** Headers that the upstream has just refused: with 401, or with 403 since they are good for too little (`insufficient_scope`, RFC 6750 section 3.1). */
export interface Refusal {
  headers: HeaderList;
  status: number;
  /** Its WWW-Authenticate, as it came. */
  challenge: string | string[] | undefined;
}

/**
 * Gives the headers that authenticate requests to an upstream. Called before every request, for the person who is signed in then, and keeps the headers
 * for as long as they are valid. `refused`: what was just refused, so other headers are wanted. Returning the same list says that there are none.
 */
export interface Credentials {
  headers(entry: ServerEntry, person: string, signal: AbortSignal, refused?: Refusal): HeaderList | Promise<HeaderList>;
}

/** The headers in the registry entry: the same for everybody in the company. */
export const companyHeaders: Credentials = { headers: (entry) => listOf(entry.headers) };

const lists = new WeakMap<ServerEntry['headers'], HeaderList>();

function listOf(headers: ServerEntry['headers']): HeaderList {
  const list = lists.get(headers) ?? Object.entries(headers).flat();
  lists.set(headers, list);
  return list;
}
