import { Underivable } from './readings.ts';

const special = /[*?[\]{}]|[!+@](?=\()/;
/** `?` begins the query of a URL. */
const specialInUrl = /[*[\]{}]/;
/** `\\?\C:\`, as Windows spells a drive, too. */
const device = /^[\\/](?:[\\/]\?|\?\?)[\\/](?=[a-z]:[\\/]|UNC[\\/])/i;

/** What may be a pattern names no path: `[.][.]` and `{..,x}` climb, and `secre?` is another name. */
export function refusePattern(text: string, url: boolean): void {
  const match = (url ? specialInUrl : special).exec(text.replace(device, ''));
  if (match)
    throw new Underivable(`holds "${match[0]}" and may be a pattern; the company can declare such an argument as "glob" or as "literal"`);
}

/** The folder below which all lies that a pattern can match, or undefined where the text is no pattern. */
export function folderOfPattern(text: string): string | undefined {
  const at = text.search(special);
  if (at < 0) return undefined;
  const before = text.slice(0, at);
  const folder = before.slice(0, Math.max(before.lastIndexOf('/'), before.lastIndexOf('\\')) + 1);
  const rest = text.slice(folder.length);
  if (climbs(rest) || startsAnew.test(rest) || (folder === '' && mayBeginEmpty(rest)))
    throw new Underivable('is a pattern that may lead out of the folder that it begins with');
  return folder;
}

/** Replaces each character class by one character: a dot where it may match one. */
const flattened = (text: string): string =>
  text.replace(/\[([!^]?\]?[^\]]*)\]/g, (_, inside: string) => (/^(?:\w(?:-\w)?)+$/.test(inside) ? 'x' : '.'));

/** Whether the pattern may match `..`. A `*` or `?` matches no dot at the beginning of a name (POSIX). */
function climbs(pattern: string): boolean {
  const flat = flattened(pattern);
  if (/(?<!\w)\.\.|\.\.(?!\w)/.test(flat)) return true;
  return flat.split(/[\\/{}()|,;!+@\s"'`=:<>&]/).some((piece) => /^\.[.*?]*$/.test(piece));
}

/** An alternative that is absolute by itself: `{/etc,x}`. */
const startsAnew = /[{,(|;\s"'`=:<>&](?:[\\/~]|[a-z]:[\\/])|\[[^\]]*[\\/]/i;

/** `{,x}/etc`: with nothing before the slash it is absolute. */
const mayBeginEmpty = (rest: string): boolean => /^[?*!@+]*[({]/.test(rest) && /\{,|,,|,\}|\{\}|\(\||\|\||\|\)|\(\)|[?*!]\(/.test(rest);
