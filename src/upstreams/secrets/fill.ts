import type { ServerEntry } from '../../bundle/schema.ts';
import type { StatedClient } from '../../bundle/secret.ts';

/** What an entry's secrets come to: the values, put where the entry wants them. */
export interface Filled {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** `name=value&...`, encoded; empty: none. */
  readonly query: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Of the client that the entry states for its authorization server: for nobody else. */
  readonly clientSecret: string | undefined;
  /** The key that signs that client's assertions: for nobody at all. */
  readonly privateKey: string | undefined;
  /** All values in it, also as JSON and addresses spell them, to be masked wherever they come back. */
  readonly values: readonly string[];
}

export const nothing: Filled = { headers: [], query: '', environment: {}, clientSecret: undefined, privateKey: undefined, values: [] };

/** Places of a secret that has no value are left out. Whether all required ones are there is the caller's business. */
export function fill({ secrets, auth }: Pick<ServerEntry, 'secrets' | 'auth'>, given: (name: string) => string | undefined): Filled {
  const headers: string[] = [];
  const query: string[] = [];
  const environment: Record<string, string> = {};
  const values: string[] = [];
  for (const { name, where } of secrets) {
    const value = given(name);
    if (value === undefined) continue;
    values.push(value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1));
    for (const place of where) {
      const whole = place.before + value + place.after;
      if (place.in === 'header') headers.push(place.name, whole);
      else if (place.in === 'query') query.push(`${encodeURIComponent(place.name)}=${encodeURIComponent(whole)}`);
      else environment[place.name] = whole;
    }
  }
  const client: StatedClient = auth;
  const [clientSecret, privateKey] = [client.clientSecret, client.privateKey].map((name) => (name === undefined ? undefined : given(name)));
  return { headers, query: query.join('&'), environment, clientSecret, privateKey, values: [...new Set(values)] };
}
