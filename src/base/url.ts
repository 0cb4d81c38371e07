/**
 * The one reader of URLs that strangers wrote (agents, upstreams). Programs disagree on where the host of a URL begins and ends, and the time in
 * which the parser puts foreign letters into punycode grows with the square of a host's length. So all readings are looked at, and a host is
 * measured before it is parsed.
 */

/** RFC 9110, section 4.1: 8000 octets are to be understood. */
const maxUrl = 8192;
/** RFC 1035, section 2.3.4. */
const maxHost = 253;
const maxLabel = 63;

/** All that IDNA takes for the dot of a host. */
const dots = /[.\u3002\uff0e\uff61]/;
const special = /^(?:https?|wss?|ftp|file):/i;

/** Parses a text as the WHATWG standard says. Undefined where that fails, or where the text or its host is too long. */
export function parseUrl(text: string): URL | undefined {
  if (text.length > maxUrl) return undefined;
  // The parser, too, removes these first.
  const bare = text.replace(/^[\0-\x20]+/, '').replace(/[\t\r\n]/g, '');
  if (special.test(bare)) {
    const [authority = ''] = withoutSlashes(bare.slice(bare.indexOf(':') + 1)).split(/[/\\?#]/, 1);
    if (!fits(hostOf(authority.slice(authority.lastIndexOf('@') + 1), false))) return undefined;
  }
  return URL.parse(text) ?? undefined;
}

export const withoutSlashes = (text: string): string => text.replace(/^[/\\]+/, '');

/**
 * Every host that some program takes from what follows `scheme://`. A backslash ends the authority (WHATWG), or belongs to the user's name (RFC 3986,
 * curl); the host stands behind the last `@`, or behind the first, and old programs look for it behind `?` and `#` too.
 * `scp`: in `host:path` what follows the colon is no port.
 */
export function hostsIn(rest: string, scp = false): Set<string> {
  const [upToSlash = ''] = rest.split('/', 1);
  const [authority = ''] = upToSlash.split(/[?#]/, 1);
  const [upToBackslash = ''] = authority.split('\\', 1);
  const hosts = new Set<string>();
  const add = (candidate: string): void => void hosts.add(hostOf(candidate.split(/[\\?#]/, 1)[0]!, scp));
  for (const reading of [authority, upToBackslash]) {
    const parts = reading.split('@');
    for (const part of parts.length > 1 ? parts.slice(1) : parts) add(part);
  }
  if (upToSlash.includes('@')) add(upToSlash.slice(upToSlash.lastIndexOf('@') + 1));
  const colon = authority.indexOf(':');
  // To git and ssh the path begins at the first colon, even if there is an `@` in it.
  if (scp && colon > 0 && !authority.slice(0, colon).includes('[')) add(authority.slice(authority.lastIndexOf('@', colon) + 1, colon));
  return hosts;
}

function hostOf(authority: string, scp: boolean): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':');
  if (end <= 0) return authority;
  return scp || /^(?::\d*)?$/.test(authority.slice(end)) ? authority.slice(0, end) : authority;
}

const fits = (host: string): boolean => host.length <= maxHost + 1 && host.split(dots).every((label) => label.length <= maxLabel);

/**
 * A host in canonical form: lower case, punycode, no dot at its end, an IPv4 address in four decimal parts, also where it is written as IPv6.
 * Undefined where programs may read it differently: characters that no host has, empty labels.
 */
export function readHost(raw: string): string | undefined {
  if (!fits(raw)) return undefined;
  if (raw.startsWith('[')) return /^\[[0-9a-f:.]+\]$/i.test(raw) ? unmapped(URL.parse(`http://${raw}/`)?.hostname) : undefined;
  if (/[^\w.\u0080-\uffff-]/.test(raw)) return undefined;
  const host = URL.parse(`http://${raw}/`)?.hostname.replace(/\.$/, '');
  if (host === undefined || !/^[\w-]+(?:\.[\w-]+)*$/.test(host) || !fits(host) || host.length > maxHost) return undefined;
  return host;
}

/**
 * The host as other programs read it, where that differs: IDNA 2003 maps some letters that IDNA 2008 keeps, and a number that begins with zero is
 * octal to some and decimal to others.
 */
export function otherSpelling(raw: string): string | undefined {
  const letters = raw.replace(/[\u00df\u1e9e]/g, 'ss').replaceAll('\u03c2', '\u03c3');
  const plain = letters.replace(/[\u200c\u200d]/g, '');
  const other = /^[\d.\u3002\uff0e\uff10-\uff19\uff61]+$/.test(plain)
    ? plain.normalize('NFKC').replace(/(^|[.\u3002])0+(?=\d)/g, '$1')
    : plain;
  return other === raw ? undefined : other;
}

/** `::ffff:0:0/96` (RFC 4291) and `64:ff9b::/96` (RFC 6052) lead to an IPv4 address. */
function unmapped(host: string | undefined): string | undefined {
  const mapped = host && /^\[(?:::ffff:|64:ff9b::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})\]$/.exec(host);
  if (!mapped) return host;
  const [high, low] = [Number.parseInt(mapped[1] ?? '0', 16), Number.parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** `query`: encoded, to be added to what the address has. */
export function withQuery(url: URL, query: string): URL {
  const whole = new URL(url);
  if (query !== '') whole.search = [url.search.slice(1), query].filter((part) => part !== '').join('&');
  return whole;
}
