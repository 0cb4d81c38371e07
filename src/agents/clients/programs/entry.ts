import type { AgentFile } from './client.ts';
import { commandOf, commandUrl } from './command-url.ts';

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The two functions of an agent that takes a URL and headers. `fixed` stands before them, `after` behind. The token is written as it is: what agents
 * read from the environment is not there where they were started from a dock, a menu or another shell.
 */
export function urlAndHeaders(spelling: {
  url: string;
  headers: string;
  fixed?: Record<string, unknown>;
  after?: Record<string, unknown>;
}): Pick<AgentFile, 'entry' | 'read'> {
  return {
    entry: (url, token) => ({
      ...spelling.fixed,
      [spelling.url]: url,
      ...(token === undefined ? {} : { [spelling.headers]: { Authorization: `Bearer ${token}` } }),
      ...spelling.after,
    }),
    read(entry) {
      if (!isObject(entry)) return undefined;
      const url = entry[spelling.url];
      if (typeof url !== 'string') return undefined;
      const headers = entry[spelling.headers];
      const said = isObject(headers) ? Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization')?.[1] : undefined;
      const [, token] = (typeof said === 'string' && /^Bearer (\S+)$/.exec(said)) || [];
      return { url, ...(token === undefined ? {} : { token }) };
    },
  };
}

/** The two functions of an agent that starts programs (stdio): `command` and `args`. One with an environment of its own is not as we write it. */
export const commandAndArgs: Pick<AgentFile, 'entry' | 'read' | 'startsBridge'> = {
  startsBridge: true,
  entry(url) {
    const [command, ...args] = commandOf(url);
    return { command, args };
  },
  read(entry) {
    if (!isObject(entry) || typeof entry['command'] !== 'string') return undefined;
    const args = entry['args'] ?? [];
    if (!Array.isArray(args) || !args.every((arg): arg is string => typeof arg === 'string')) return undefined;
    return { url: commandUrl([entry['command'], ...args]) };
  },
};
