import type { ServerEntry } from '../../bundle/schema.ts';

/** Header names and values in turn. */
export type HeaderList = readonly string[];

/**
 * How requests to an upstream say who asks. It is asked before every request, for the person who is signed in then, and keeps what it gives for as long as
 * that is good. `refused`: what the upstream has just answered 401 to. Then another credential is wanted; the same list says that there is none.
 */
export interface Credentials {
  headers(entry: ServerEntry, person: string, signal: AbortSignal, refused?: HeaderList): HeaderList | Promise<HeaderList>;
}

/** What the company gives for all of its people alike, in the registry entry. */
export const companyHeaders: Credentials = { headers: (entry) => listOf(entry.headers) };

const lists = new WeakMap<ServerEntry['headers'], HeaderList>();

function listOf(headers: ServerEntry['headers']): HeaderList {
  const list = lists.get(headers) ?? Object.entries(headers).flat();
  lists.set(headers, list);
  return list;
}
