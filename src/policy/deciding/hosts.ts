import { hostsIn, otherSpelling, readHost, withoutSlashes } from '../../base/url.ts';
import { isWebUrl, readings, trimmed, Underivable } from './readings.ts';
import type { Text } from './shape.ts';

const hostKey = /host|domain|url|uri|endpoint|site/i;
const pathKey = /path|file|dir|folder|root|cwd/i;
const scheme = /^[a-z][a-z0-9+.-]*:\/\//i;
/** `git+https` goes to the web as well. */
const webName = /(?:^|[+.-])(?:https?|wss?|ftps?)$/i;
const maxText = 4096;
const maxHosts = 256;

/**
 * Hosts in one form, `readHost`'s. A text without blanks that could be one (it has a dot, is a number, or is `localhost`) counts as one; a bare name
 * only where it is declared as a URL or its name says so. Every host that some program would take from a text is among them; where one cannot
 * be read, nothing can be said. One reader for all texts of a call: what they repeat is read once.
 */
export function openHosts(): (text: Text) => string[] {
  const cache = new Map<string, string | undefined>();
  const read = (raw: string): string | undefined => {
    if (cache.has(raw)) return cache.get(raw);
    if (cache.size >= maxHosts) throw new Underivable('names too many hosts');
    const host = readHost(raw);
    cache.set(raw, host);
    return host;
  };
  return (text) => hostsOf(text, read);
}

type Read = (raw: string) => string | undefined;

function hostsOf({ text, kind, name }: Text, read: Read): string[] {
  const says = kind === 'url' || (kind === undefined && hostKey.test(name));
  const start = trimmed(text.slice(0, maxText)).replace(/[\t\r\n]/g, '');
  const urlLike = scheme.test(start) || isWebUrl(start) || /^[\\/]{2}/.test(start);
  // Prose: nobody takes it for a host, whatever stands in it.
  if (!says && !urlLike && /^[\w,;-]*\s/.test(trimmed(text.slice(0, maxText)))) return [];
  const bare = says || (kind === undefined && !pathKey.test(name));
  return [...readings(text, false)].flatMap((reading) => hostsOfReading(trimmed(reading), says, bare, read));
}

function hostsOfReading(text: string, says: boolean, bare: boolean, read: Read): string[] {
  const sure = (raws: Iterable<string>): string[] => [...raws].flatMap((raw) => certain(raw, read));
  const starts = startsAsUrl(text);
  const urlParts = urlsIn(text, starts);
  const urls = urlParts.flatMap((url) => sure(hostsOfUrl(url)));
  if (urlParts.length > 0 && starts) return urls;
  const line = text.replace(/[\t\r\n]/g, '');
  const rest = withoutSlashes(line);
  // However many slashes begin it: resolved against a web address, what follows is a host.
  if (line.length > rest.length + 1) return rest === '' ? urls : [...urls, ...sure(hostsIn(rest))];
  const behind = behindScheme(line);
  if (!bare || line === '' || (/^[/\\.]/.test(line) && behind === undefined)) return urls;
  // The text without line ends is a reading of its own. Some programs end the host at the first line end.
  if (line !== text) return [...urls, ...hostsOfToken(text.split(/[\t\r\n]/, 1)[0]!, read)];
  if (!says) return [...urls, ...guessed(line, read)];
  // `http%3A//x`: the decoded text is another reading.
  return /^[^/?#\\]*%3a(?:[/?#\\]|$)/i.test(line)
    ? urls
    : [...urls, ...(line.startsWith('.') ? [] : sure(hostsIn(line, true))), ...(behind === undefined ? [] : sure(hostsIn(behind)))];
}

function others(raw: string, read: Read): string[] {
  const other = otherSpelling(raw);
  const host = other === undefined ? undefined : read(other);
  return host === undefined ? [] : [host];
}

/** `redis:host`: some programs need no slashes. A port is no host, nor is what follows a drive. */
const behindScheme = (text: string): string | undefined =>
  /^[a-z0-9+.-]+:(?![/\\]|0*[1-9]\d{0,4}(?:[/?#]|$)|[/?#]|$)(.*)$/is.exec(text)?.[1];

function certain(raw: string, read: Read): string[] {
  const host = read(raw);
  if (host === undefined) throw new Underivable('names a host that cannot be read, or that programs read differently');
  return [host, ...others(raw, read)];
}

interface Found {
  scheme: string;
  rest: string;
}

const separators = /[\s"'`<>{}]/;
const longestScheme = 64;

/**
 * The URLs in a text: the text itself, also inside of another one (`view-source:https://host`), the further ones of a list, and where the text
 * begins with something else (`["http://host"]`, `--url=http://host`) those anywhere in it. A URL in the query of another does not count: that is
 * not where the other leads.
 */
function urlsIn(text: string, starts: boolean): Found[] {
  const urls: Found[] = [];
  let chained = 0;
  for (let colon = text.indexOf(':'); colon >= 0; colon = text.indexOf(':', colon + 1)) {
    const name = /[a-z][a-z0-9+.-]*$/i.exec(text.slice(Math.max(chained, colon - longestScheme), colon))?.[0];
    if (name === undefined) continue;
    const at = colon - name.length;
    const first = at === chained;
    if (first) chained = colon + 1;
    const opens = first || !starts || /[\s,;|"'`<>()[\]{}]/.test(text[at - 1]!);
    if (!opens || !(/^[/\\]{2}/.test(text.slice(colon + 1, colon + 3)) || (first && webName.test(name)))) continue;
    const rest = text.slice(colon + 1);
    urls.push({ scheme: name, rest: first ? rest : rest.split(separators, 1)[0]! });
    if (urls.length > maxHosts) throw new Underivable('names too many hosts');
  }
  return urls;
}

const startsAsUrl = (text: string): boolean => /^(?:[a-z][a-z0-9+.-]{0,63}:)+[/\\]/i.test(text) || isWebUrl(text);

function hostsOfUrl({ scheme, rest }: Found): Iterable<string> {
  const authority = withoutSlashes(rest);
  const slashes = rest.length - authority.length;
  if (webName.test(scheme)) {
    const hosts = hostsIn(authority);
    // `http:8080` is a port of a host that is called `http`, too.
    return slashes === 0 && /^\d*(?:[/?#]|$)/.test(authority) ? [...hosts, scheme] : hosts;
  }
  if (/^file$/i.test(scheme)) {
    // Three slashes begin a path, four a share of Windows.
    if (slashes < 2 || slashes === 3 || authority === '' || /^[a-z][:|](?:[/\\]|$)/i.test(authority)) return [];
    const hosts = hostsIn(authority);
    hosts.delete('localhost');
    return hosts;
  }
  return slashes === 2 && /^[^?#]/.test(authority) ? hostsIn(authority) : [];
}

/**
 * For a text that nobody calls a host: the parts that look like one, and the whole where a program might still take it for one. No rule permits
 * such a fact.
 */
function guessed(line: string, read: Read): string[] {
  const [head = ''] = line.split(/[/?#\\\s<>[\]|^]/, 1);
  const odd = dotted.test(head) && /[,;"'`(){}=]/.test(head) ? [head.toLowerCase()] : [];
  const tokens = new Set(tokensOf(line).flatMap((token) => [token, behindScheme(token) ?? '']));
  return [...odd, ...[...tokens].flatMap((token) => (likely.test(token) ? hostsOfToken(token, read) : []))];
}

const likely = /[.:\u3002\uff0e\uff61\d]|localhost/i;

/** The parts of a list in one text. Of a sentence only the first word counts. */
function tokensOf(text: string): string[] {
  if (/^\[[0-9a-f:.]*:[0-9a-f:.]*\]/i.test(text)) return [text];
  // The brackets of an IPv6 address are no list.
  const addresses = text.match(/\[[0-9a-f:.]*:[0-9a-f:.]*\]/gi) ?? [];
  const tokens = text.split(/[\s,;|"'`<>()[\]{}=]+/).filter((token) => token !== '');
  tokens.push(...addresses);
  return !/[^,;]\s/.test(text) || /^[[{]/.test(text) || tokens.every((token) => dotted.test(token)) ? tokens : tokens.slice(0, 1);
}

const dotted = /[^\s/?#][.:\u3002\uff0e\uff61][^\s/?#.]/;
const ofHosts = /^[\p{L}\p{N}\p{M}\p{Cf}._\u3002\uff0e\uff61-]+$/u;

function hostsOfToken(token: string, read: Read): string[] {
  if (/^[/\\.-]/.test(token)) return [];
  const withPort = /^[^/?#]*:\d+(?:[/?#]|$)/.test(token);
  const looks = (raw: string): boolean =>
    /^\[[0-9a-f:.]+\]$|^\d|^localhost$/i.test(raw) || (withPort && ofHosts.test(raw)) || /[^.][.\u3002\uff0e\uff61][^.]/.test(raw);
  return [...hostsIn(token, true)].filter(looks).flatMap((raw) => {
    if (read(raw) !== undefined) return certain(raw, read);
    const numeric = /(?:^|\.)(?:\d+|0x[\da-f]*)\.?$/i.test(raw);
    if (ofHosts.test(raw) && !numeric && !/\.\./.test(raw)) return certain(raw, read);
    const parts = raw.split(/[^\p{L}\p{N}\p{M}._-]+/u).filter((part) => part !== raw && looks(part) && read(part) !== undefined);
    return [raw.toLowerCase(), ...others(raw, read), ...parts.flatMap((part) => certain(part, read))];
  });
}
