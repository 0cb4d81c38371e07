import { isWebUrl, readings, trimmed, Underivable } from './readings.ts';
import type { Text } from './shape.ts';

const hostKey = /host|domain|url|uri|endpoint|site/i;
const pathKey = /path|file|dir|folder|root|cwd/i;
const scheme = /^[a-z][a-z0-9+.-]*:\/\//i;
const maxText = 4096;

/**
 * Hosts in one form: lower case, punycode, no port. A text without blanks that could be one (it has a dot, is a number, or is `localhost`) counts as
 * one; a bare name only where it is declared as a URL or its name says so.
 */
export function hostsOf({ text, kind, name }: Text): string[] {
  const says = kind === 'url' || (kind === undefined && hostKey.test(name));
  const start = trimmed(text.slice(0, maxText)).replace(/[\t\r\n]/g, '');
  const urlLike = scheme.test(start) || isWebUrl(start) || /^[\\/]{2}/.test(start);
  // Prose: nobody takes it for a host, whatever stands in it.
  if (!says && !urlLike && /^[\w,;-]*\s/.test(trimmed(text.slice(0, maxText)))) return [];
  const bare = says || (kind === undefined && !pathKey.test(name));
  return [...readings(text, false)].flatMap((one) => hostOf(trimmed(one.replace(/[\t\r\n]/g, '')), says, bare));
}

function hostOf(text: string, says: boolean, bare: boolean): string[] {
  // `jdbc:mysql://host`, `view-source:https://host`
  const inner = text.replace(/^(?:[a-z][a-z0-9+.-]*:)+(?=[a-z][a-z0-9+.-]*:\/\/)/i, '');
  if (scheme.test(inner) || isWebUrl(inner)) {
    const url = URL.parse(inner);
    if (!url) throw new Underivable('is no valid URL');
    return url.host === '' ? [] : [normalised(url.host)];
  }
  const mail = /^[\w.-]+@([^\s/:@]+):/.exec(text);
  if (mail) return [normalised(mail[1]!)];
  const turned = text.replaceAll('\\', '/');
  if (/^\/\/[^/]/.test(turned)) return [normalised(turned.slice(2))];
  if (!bare || turned === '' || /^[/.]/.test(turned)) return [];
  // What `%` stands for is another reading.
  if (says) return turned.includes('%') && !parsed(turned) ? [] : [normalised(turned)];
  const host = /^[^\s/?#]*[.:][^\s/?#.]|^\d|^localhost\b|^\[/i.test(turned) && !turned.includes('@') && parsed(turned);
  return host ? [host] : [];
}

/** Through the http scheme, whose rules put case, punycode and odd ways to write an IPv4 address into one form. */
const parsed = (authority: string): string | undefined => URL.parse(`http://${authority}`)?.hostname.replace(/\.$/, '');

function normalised(authority: string): string {
  const host = parsed(authority);
  if (!host) throw new Underivable('names a host that cannot be read');
  return host;
}
