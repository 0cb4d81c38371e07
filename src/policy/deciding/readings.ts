import { parseUrl } from '../../base/url.ts';

/** A fact that cannot be drawn from a text; the message says why, as "is relative, ...". Rules that ask for the fact then deny. */
export class Underivable extends Error {}

/** NFKC can make eighteen characters of one, so the length is bounded before it. */
const maxText = 4096;
const maxReadings = 16;
/** The same for a text that is taken apart as well. */
const maxPieces = 64;
const maxTotal = 1 << 16;
const plain = /^(?:[\w/.-](?:[\w/. -]*[\w/.-])?)?$/;
const webScheme = /^(?:https?|wss?|ftp):/i;
/** One letter is a drive. */
const anyScheme = /^[a-z][a-z0-9+.-]+:/i;

/**
 * Each text that a server may make of a text before it takes it for a path or a URL: without blanks and quotes around it, without line ends,
 * percent-decoded (as often as it can be), in the Unicode form NFKC, and (`opened`) without the scheme of a URL; and the `pieces` of each, as the
 * caller takes texts apart. A reading that is left out could be the one that leads outside.
 */
export function readings(text: string, opened: boolean, pieces?: (reading: string) => readonly string[]): ReadonlySet<string> {
  const all = new Set([text]);
  if (text.length <= maxText && plain.test(text) && !(pieces && /^-| [/.]/.test(text))) return all;
  let total = 0;
  // A loop over a set also visits what is added meanwhile.
  for (const reading of all) {
    if (reading.length > maxText) throw new Underivable(`is longer than ${maxText} characters`);
    if (reading.includes('\0') || !reading.isWellFormed()) throw new Underivable('holds a NUL or half a character');
    for (const next of [
      unquoted(reading),
      reading.replace(/[\t\r\n]/g, ''),
      decoded(reading),
      folded(reading),
      ...(opened ? afterScheme(reading) : []),
    ])
      all.add(next);
    for (const piece of pieces?.(reading) ?? []) all.add(piece);
    total += reading.length;
    if (all.size > (pieces ? maxPieces : maxReadings) || total > maxTotal) throw new Underivable('can be read in too many ways');
  }
  return all;
}

export const isUrl = (text: string): boolean => anyScheme.test(text);
export const isWebUrl = (text: string): boolean => webScheme.test(text);

/** Without blanks and control characters around it, as the URL standard has it. */
export function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && blank.test(text[start]!)) start++;
  while (start < end && blank.test(text[end - 1]!)) end--;
  return text.slice(start, end);
}
const blank = /[\p{Cc}\s]/u;

const unquoted = (text: string): string => trimmed(trimmed(text).replace(/^["'`]|["'`]$/g, ''));

function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    // `%VAR%` as well: a letter after `%` begins bytes that are no UTF-8 by themselves.
    throw new Underivable('holds a "%" that begins no percent-encoded UTF-8');
  }
}

/** NFKC, and beyond it: removes characters that file systems ignore, and replaces those that code pages take for slashes. */
export const folded = (text: string): string =>
  text
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/[\u2044\u2215\u29f8]/g, '/')
    .replace(/[\u2216\u29f5\u29f9\u00a5\u20a9]/g, '\\');

/** The path of a URL, as the URL standard has it and as a server has it that merely cuts off the scheme. */
function afterScheme(text: string): string[] {
  if (!isUrl(text) || isWebUrl(text)) return [];
  const url = parseUrl(text);
  if (!url && (text.includes('://') || /^file:/i.test(text))) throw new Underivable('is no valid URL');
  if (!url) return [];
  if (url.protocol !== 'file:') return [url.pathname];
  const rest = text
    .slice(text.indexOf(':') + 1)
    .replaceAll('\\', '/')
    .replace(/^\/\/localhost(?=\/)/i, '//');
  const path =
    rest.startsWith('//') && rest[2] !== '/'
      ? [url.host === '' ? url.pathname : `//${url.host}${url.pathname}`, rest.slice(2)]
      : [url.pathname];
  return [rest, ...path].map((candidate) => candidate.replace(/^\/*([a-z])[:|](?=\/|$)/i, '$1:'));
}
