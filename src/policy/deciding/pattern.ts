import { RE2JS } from 're2js';

/** What `\s` is in ECMA-262, and what it is not; RE2 knows the blanks of ASCII only. */
const blanks = '\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}';
const others =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}' +
  '\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}';
const categories = /^(?:L[ultmo]?|M[nce]?|N[dlo]?|P[cdseifo]?|S[mcko]?|Z[slp]?)$/;

class Beyond extends Error {}

const cache = new Map<string, RE2JS | string>();
const maxCached = 2000;

/** A pattern of a schema (ECMA-262, 2020-12: 6.3.3) for an engine that is linear in the text; the reason as a text where that is not possible. */
export function compilePattern(pattern: string): RE2JS | string {
  const compiled = cache.get(pattern) ?? compile(pattern);
  if (cache.size >= maxCached) cache.clear();
  cache.set(pattern, compiled);
  return compiled;
}

function compile(pattern: string): RE2JS | string {
  try {
    return RE2JS.compile(translate(pattern));
  } catch (error) {
    return error instanceof Beyond ? error.message : 'RE2 does not take it';
  }
}

/** Translates a pattern to the syntax of RE2. What the two engines would read differently is rewritten, and refused where that is not certain. */
function translate(pattern: string): string {
  const unicode = parses(pattern, 'u');
  if (!pattern.isWellFormed() || (!unicode && !parses(pattern, ''))) throw new Beyond('it is no regular expression of ECMA-262');
  let out = '';
  let inClass = false;
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at, at + 40);
    let taken = 1;
    if (rest[0] === '\\') {
      const [length, text] = escaped(rest, inClass, unicode);
      // Only the older syntax lets a dash stand beside a set without being a range.
      if (inClass && !unicode && /^\\[dDwWsS]-[^\]]/.test(rest)) throw new Beyond('it is not certain what it means');
      taken = length;
      out += text;
    } else if (inClass) {
      if (!unicode && /^-\\[dDwWsS]/.test(rest)) throw new Beyond('it is not certain what it means');
      inClass = rest[0] !== ']';
      out += rest[0] === '[' ? '\\[' : rest[0];
    } else if (rest[0] === '[') {
      const empty = /^\[\^?\]/.exec(rest)?.[0];
      if (empty) out += empty === '[]' ? '[^\\x{0}-\\x{10ffff}]' : '[\\x{0}-\\x{10ffff}]';
      else out += /^\[\^?/.exec(rest)![0];
      inClass = !empty;
      taken = empty?.length ?? /^\[\^?/.exec(rest)![0].length;
    } else if (rest[0] === '(') {
      if (/^\(\?<?[=!]/.test(rest)) throw new Beyond('it looks ahead or behind');
      const named = /^\(\?<[^>]*>/.exec(pattern.slice(at, at + 200));
      if (rest[1] === '?' && !named && rest[2] !== ':') throw new Beyond('it changes its own flags');
      taken = named?.[0].length ?? (rest[1] === '?' ? 3 : 1);
      out += '(?:';
    } else if (rest[0] === '{' || rest[0] === '}' || rest[0] === ']') {
      const repeat = /^\{\d+(?:,\d*)?\}/.exec(rest)?.[0];
      taken = repeat?.length ?? 1;
      out += repeat ?? `\\${rest[0]}`;
    } else out += rest[0] === '.' ? '[^\\n\\r\\x{2028}\\x{2029}]' : rest[0];
    at += taken;
  }
  return out;
}

/** How long an escape is, and what it is in RE2. */
function escaped(rest: string, inClass: boolean, unicode: boolean): [number, string] {
  const letter = rest[1]!;
  if (letter === 's') return [2, inClass ? blanks : `[${blanks}]`];
  if (letter === 'S') return [2, inClass ? others : `[^${blanks}]`];
  if (letter === 'b' && inClass) return [2, '\\x{8}'];
  if (/[dDwWfnrtv]/.test(letter) || (/[bB]/.test(letter) && !inClass)) return [2, `\\${letter}`];
  if (/[1-9k]/.test(letter)) throw new Beyond('it refers back to what it matched');
  const code =
    /^\\x([\da-f]{2})/i.exec(rest) ?? (unicode ? /^\\u\{0*([\da-f]{1,6})\}/i.exec(rest) : null) ?? /^\\u([\da-f]{4})/i.exec(rest);
  if (code) return codePoint(rest, code);
  if (/^\\0(?!\d)/.test(rest)) return [2, '\\x{0}'];
  if (/^\\c[a-z]/i.test(rest)) return [3, `\\x{${(rest.charCodeAt(2) % 32).toString(16)}}`];
  const property = unicode ? /^\\[pP]\{(?:gc=|General_Category=)?(\w+)\}/.exec(rest) : null;
  if (property && categories.test(property[1]!)) return [property[0].length, `\\${letter}{${property[1]}}`];
  if (/^[!-/:-@[-`{-~]$/.test(letter)) return [2, `\\${letter}`];
  throw new Beyond(`it is not certain what \\${letter} means`);
}

function codePoint(rest: string, [text, digits]: RegExpExecArray): [number, string] {
  const code = Number.parseInt(digits!, 16);
  if (code < 0xd800 || code > 0xdfff) return [text.length, `\\x{${code.toString(16)}}`];
  const low = /^\\u(d[c-f][\da-f]{2})/i.exec(rest.slice(text.length));
  if (code > 0xdbff || !low) throw new Beyond('it speaks of half a character');
  const whole = 0x10000 + ((code - 0xd800) << 10) + (Number.parseInt(low[1]!, 16) - 0xdc00);
  return [text.length + low[0].length, `\\x{${whole.toString(16)}}`];
}

function parses(pattern: string, flags: string): boolean {
  try {
    new RegExp(pattern, flags);
    return true;
  } catch {
    return false;
  }
}
