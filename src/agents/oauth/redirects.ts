import { parseUrl } from '../../base/url.ts';

/** Where the browser takes the code. `uri`: as the client wrote it, which the token request repeats; `href`: as it is opened. */
export interface Redirect {
  uri: string;
  href: string;
  /** What the person is shown: a host, or the scheme of a program on this machine. */
  place: string;
  /** `machine`: whichever program listens there, or has the scheme, on this machine; nobody can say which one that is. `pipe`: below. */
  reach: 'machine' | 'web' | 'pipe';
}

/** Of a program that speaks over a pipe: nothing is sent anywhere. */
export const pipe: Redirect = { uri: '', href: '', place: 'its own pipe', reach: 'pipe' };

const longest = 2048;
const loopbackHosts = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Private-use schemes without a period, which RFC 8252 section 7.1 asks for and known agents do not have. A list of what is let in: what else a scheme
 * may start on a machine (`ms-msdt:`, `search-ms:` ...) nobody can list.
 */
const knownSchemes = new Set([
  'claude',
  'codex',
  'cursor',
  'goose',
  'jetbrains',
  'kiro',
  'lmstudio',
  'opencode',
  'raycast',
  'trae',
  'vscode',
  'vscode-insiders',
  'vscodium',
  'warp',
  'windsurf',
  'zed',
]);

/** Undefined for a redirect URI that no client may have: not https, nor http on loopback, nor a private-use scheme of a program. */
export function readRedirect(uri: string): Redirect | undefined {
  // What the parser would remove or put right makes two readings of one text.
  if (uri.length > longest || !/^[\x21-\x7e]+$/.test(uri) || uri.includes('\\')) return undefined;
  const url = parseUrl(uri);
  if (!url || uri.includes('#') || url.username !== '' || url.password !== '') return undefined;
  const { protocol, hostname, host, href } = url;
  if (protocol === 'http:') return loopbackHosts.has(hostname) ? { uri, href, place: hostname, reach: 'machine' } : undefined;
  if (protocol === 'https:') return { uri, href, place: host, reach: loopbackHosts.has(hostname) ? 'machine' : 'web' };
  const scheme = protocol.slice(0, -1);
  if (!knownSchemes.has(scheme) && !/^[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)+$/.test(scheme)) return undefined;
  return { uri, href, place: `${scheme}:`, reach: 'machine' };
}

/**
 * The redirect that a client asks for, if it is one of those it declared: exactly, but for the port of loopback over http (RFC 8252 section 7.3), as the
 * system gives it a free one. `localhost` and 127.0.0.1 are two hosts here as well: a client gets the one it declared.
 */
export function matchRedirect(declared: readonly string[], asked: string): Redirect | undefined {
  const wanted = readRedirect(asked);
  if (!wanted) return undefined;
  if (declared.includes(asked)) return wanted;
  const url = new URL(wanted.href);
  if (url.protocol !== 'http:') return undefined;
  const portless = ({ hostname, pathname, search }: URL) => `${hostname}${pathname}${search}`;
  return declared.some((uri) => {
    const read = readRedirect(uri);
    return read?.href.startsWith('http:') && portless(new URL(read.href)) === portless(url);
  })
    ? wanted
    : undefined;
}

/** With the parameters of an authorization response added to those that it has. */
export function redirectWith(redirect: Redirect, parameters: Record<string, string | undefined>): string {
  const url = new URL(redirect.href);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.append(name, value);
  return url.href;
}
