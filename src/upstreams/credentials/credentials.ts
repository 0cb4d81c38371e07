import type { ServerEntry } from '../../bundle/schema.ts';

/** Header names and values in turn. */
export type HeaderList = readonly string[];

/**
 * Gives the headers that authenticate requests to an upstream. Called before every request, for the person who is signed in then, and keeps the headers
 * for as long as they are valid. `refused`: headers that the upstream has just answered with 401, so others are wanted. Returning the same list says that
 * there are none.
 */
export interface Credentials {
  headers(entry: ServerEntry, person: string, signal: AbortSignal, refused?: HeaderList): HeaderList | Promise<HeaderList>;
}

/** The headers in the registry entry: the same for everybody in the company. */
export const companyHeaders: Credentials = { headers: (entry) => listOf(entry.headers) };

const lists = new WeakMap<ServerEntry['headers'], HeaderList>();

function listOf(headers: ServerEntry['headers']): HeaderList {
  const list = lists.get(headers) ?? Object.entries(headers).flat();
  lists.set(headers, list);
  return list;
}
