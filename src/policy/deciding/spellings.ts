import { hostsIn, otherSpelling, readHost, withoutSlashes } from '../../base/url.ts';
import { folded } from './readings.ts';

/**
 * Finds the blessed resources of which a URI that nobody blessed may be another spelling, and the templates that it may come from. A rule that
 * forbids one of those forbids the URI too: servers resolve `..`, `%2e`, case and empty segments, so `FILE:///a/../secret` reaches what
 * `file:///secret` does. Finding too many is safe: the result is used only to forbid.
 */
export function openSpellings(blessed: Iterable<string>): (uri: string) => string[] {
  const all = [...new Set(blessed)];
  const plain = new Map<string, string[]>();
  const templates: { name: string; starts: string[]; literals: string[]; asWritten: string[] }[] = [];
  for (const name of all) {
    if (expression.test(name))
      for (const template of writtenOut(name))
        templates.push({ name, ...literalsOf(template), asWritten: name.split(expression).map(withAllSlashes) });
    else for (const form of new Set(formsOf(name) ?? readings(name))) plain.set(form, [...(plain.get(form) ?? []), name]);
  }
  return (uri) => {
    if (foreignLetters(uri) > mostForeign) return all;
    const end = uri.search(/[?#]/);
    const forms = formsOf(uri);
    const whole = end < 0 ? [] : formsOf(uri.slice(0, end));
    // What cannot be read may be anything.
    if (!forms || !whole) return all;
    const matches = [...forms, ...whole].flatMap((form) => plain.get(form) ?? []);
    // An empty expression between two slashes leaves both of them: with one slash it would be another URI.
    const asItIs = withAllSlashes(uri);
    for (const { name, starts, literals, asWritten } of templates)
      if (comesOf(asWritten, asItIs) || [...forms, ...whole].some((form) => starts.some((start) => comesOf([start, ...literals], form))))
        matches.push(name);
    return [...new Set(matches)];
  };
}

const withHosts = /^(?:https?|wss?|ftp|file)$/;
const maxHosts = 16;

/** Every form of a URI: as a name, and by each host that it might lead to. Undefined where the host of a web address or the encoding cannot be read. */
function formsOf(uri: string): string[] | undefined {
  const text = softened(uri);
  const parts = text === undefined ? undefined : hosted(text);
  if (!parts) return undefined;
  return [
    ...readings(uri),
    ...parts.flatMap(({ scheme, host, path }) =>
      [host + path, host + resolvedPath(path)].map((address) => `${scheme}:${address.replace(/^\/+/, '')}`),
    ),
  ];
}

/**
 * A template, and its forms where an expression is the host of this machine, begins the path, or is empty (RFC 6570, section 3.2.1): those are
 * read differently from an expression that can be anything.
 */
function writtenOut(template: string): string[] {
  const all = [template];
  for (const form of all) {
    const first = expression.exec(form);
    if (!first || all.length >= mostWrittenOut) continue;
    const before = form.slice(0, first.index);
    const instead = (text: string) => all.push(before + text + form.slice(first.index + first[0].length));
    if (/^[^:{]+:\/*$/.test(before)) instead('localhost');
    if (/^[^:{]+:\/*[^/]+$/.test(before) && /^\{[/+]/.test(first[0])) instead('/{path}');
    if (/^[^:{]+:\/*[^/]*$/.test(before)) instead('');
  }
  return [...new Set(all)];
}
const mostWrittenOut = 16;

/** What stands between the expressions of a template; its beginning in each way in which it is read. */
function literalsOf(template: string): { starts: string[]; literals: string[] } {
  const [first, ...rest] = template.split(expression) as [string, ...string[]];
  const literals = rest.map(inside);
  // A scheme that is an expression can be any. What follows is read as if it stood behind a scheme.
  if (first === '' && literals.length > 0) return { starts: [''], literals: [canonical(`a${rest[0]}`).slice(1), ...literals.slice(1)] };
  return { starts: [...new Set([canonical(first), ...startsOf(first)])], literals };
}

/** The beginning of a template by each host, where it holds the whole host. */
function startsOf(literal: string): string[] {
  const text = softened(literal);
  return ((text && hosted(text)) || [])
    .filter(({ path }) => path !== '')
    .map(({ scheme, host, path }) => `${scheme}:${(host + path).replace(/^\/+/, '')}`);
}

interface Hosted {
  scheme: string;
  /** Empty for this machine, and for files, whose servers ignore it. */
  host: string;
  /** Without ports and users before it: a server may ignore those. */
  path: string;
}

function hosted(text: string): Hosted[] | undefined {
  const scheme = /^[a-z][a-z0-9+.-]*(?=:)/.exec(text)?.[0];
  if (scheme === undefined) return [];
  const afterColon = text.slice(scheme.length + 1);
  const rest = withoutSlashes(afterColon);
  const strict = withHosts.test(scheme);
  // A file behind one slash or three, and what follows no slash at all, has no host.
  const slashes = afterColon.length - rest.length;
  if (rest === '' || (strict ? scheme === 'file' && slashes < 2 : slashes < 2)) return [];
  const paths = [/[/?#]/, /[/\\?#]/]
    .map((end) => rest.search(end))
    .map((at) =>
      at < 0
        ? ''
        : rest
            .slice(at)
            .replaceAll('\\', '/')
            .replace(/\/{2,}/g, '/'),
    );
  const raws = hostsIn(rest);
  if (raws.size > maxHosts) return undefined;
  const forms: Hosted[] = [];
  for (const raw of [...raws, ...[...raws].map(otherSpelling)]) {
    if (raw === undefined) continue;
    const host = readHost(raw);
    const drive = /^[a-z][:|]?$/.test(raw);
    if (host === undefined && strict && !(scheme === 'file' && (slashes > 2 || drive))) return undefined;
    for (const path of new Set(paths)) {
      forms.push({ scheme, host: local.test(host ?? '') ? '' : (host ?? raw), path });
      if (scheme === 'file' && slashes === 2 && !drive) forms.push({ scheme, host: '', path });
    }
  }
  return forms;
}

const local = /^(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\])$/;

/** Of RFC 6570, without a brace inside: looking from each unclosed one to the end of a text would take the square of its length. */
const expression = /\{[^{}]*\}/;

/**
 * The most letters outside of ASCII, or encoded bytes of such, that a URI may have for its other spellings to be read: NFKC makes up to eighteen
 * of one, at some microseconds each. A URI with more may be anything, so any forbid of a blessed resource applies to it.
 */
const mostForeign = 1024;

const foreignLetters = (uri: string): number => uri.length - uri.replace(/[^\0-\x7f]|%[89a-f]/gi, '').length;

/** With dots resolved, and as it is: a server of another scheme than files may take them for names. */
export const readings = (uri: string): string[] => [...new Set([canonical(uri), resolved(canonical(uri))])];

export const canonical = (uri: string): string => inside(uri).replace(/^([a-z][a-z0-9+.-]*):\/*(?:(?:localhost|127\.0\.0\.1)\/+)?/, '$1:');

/** For a text that need not be the beginning of a URI. */
const inside = (text: string): string => withAllSlashes(text).replace(/\/{2,}/g, '/');

const withAllSlashes = (text: string): string => (softened(text) ?? text).replaceAll('\\', '/');

/** Decoded as often as it can be, in one case and one Unicode form, without what servers pass over. Undefined where the encoding has no end. */
function softened(uri: string): string | undefined {
  const whole = decodedWhole(uri);
  return (
    whole &&
    folded(whole)
      .toLowerCase()
      .replace(/[\0-\x20]/g, '')
  );
}

const maxRounds = 16;

function decodedWhole(uri: string): string | undefined {
  let text = uri;
  for (let round = 0; round < maxRounds; round++) {
    // `%252541` at once: a round for each `25` would take the square of the length.
    const next = text.replace(/%(?:25)+(?=[0-9a-f]{2})/gi, '%').replace(/(?:%[0-9a-f]{2})+/gi, decode);
    if (next === text) return text;
    text = next;
  }
  return undefined;
}

const decode = (run: string): string => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8');

function resolved(text: string): string {
  const colon = text.indexOf(':');
  return text.slice(0, colon + 1) + resolvedPath(text.slice(colon + 1)).slice(1);
}

/** Above the root there is nothing: what climbs further stays there. */
function resolvedPath(path: string): string {
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '.' && part !== '') out.push(part);
  }
  return `/${out.join('/')}`;
}

/** Whether the literals stand in it one after the other, the first at its beginning and the last at its end. */
function comesOf(literals: readonly string[], form: string): boolean {
  const first = literals[0]!;
  if (literals.length === 1) return form === first;
  if (!form.startsWith(first)) return false;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const index = form.indexOf(literal, at);
    if (index < 0) return false;
    at = index + literal.length;
  }
  const last = literals.at(-1)!;
  return form.length >= at + last.length && form.endsWith(last);
}
