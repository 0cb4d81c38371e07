/**
 * Of which blessed resources a URI that nobody blessed may be another spelling, or which templates it may come of. A rule that forbids one of
 * those forbids it too: servers resolve `..`, `%2e`, case and empty segments, so `FILE:///a/../secret` reaches what `file:///secret` does.
 * Too many is the safe side here: only what is forbidden is ever looked for.
 */
export function openSpellings(blessed: Iterable<string>): (uri: string) => string[] {
  const all = [...new Set(blessed)];
  const plain = new Map<string, string[]>();
  const templates: { name: string; literals: string[] }[] = [];
  for (const name of all) {
    if (expression.test(name)) templates.push({ name, literals: name.split(expression).map(canonical) });
    else for (const form of readings(name)) plain.set(form, [...(plain.get(form) ?? []), name]);
  }
  return (uri) => {
    if (foreignLetters(uri) > mostForeign) return all;
    const forms = readings(uri);
    const end = uri.search(/[?#]/);
    const whole = end < 0 ? [] : readings(uri.slice(0, end));
    const found = [...forms, ...whole].flatMap((form) => plain.get(form) ?? []);
    for (const { name, literals } of templates) if (forms.some((form) => comesOf(literals, form))) found.push(name);
    return [...new Set(found)];
  };
}

/** Of RFC 6570, without a brace inside: looking from each unclosed one to the end of a text would take the square of its length. */
const expression = /\{[^{}]*\}/;

/**
 * Letters outside of ASCII, or bytes of such, that a URI has at most to be read in its other spellings: NFKC makes up to eighteen of one, each at some
 * microseconds' cost. What has more may be anything, so what is forbidden of anything forbids it.
 */
const mostForeign = 1024;

const foreignLetters = (uri: string): number => uri.length - uri.replace(/[^\0-\x7f]|%[89a-f]/gi, '').length;

/** With dots resolved, and as it is: a server of another scheme than files may take them for names. */
export const readings = (uri: string): string[] => [...new Set([canonical(uri), resolved(canonical(uri))])];

export function canonical(uri: string): string {
  let text = uri;
  // Encoded twice is decoded twice by some chain of servers.
  for (let round = 0; round < 3 && text.includes('%'); round++) text = text.replace(/(?:%[0-9a-f]{2})+/gi, decode);
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\0-\x20]/g, '')
    .replaceAll('\\', '/')
    .replace(/^([a-z][a-z0-9+.-]*):\/*(?:(?:localhost|127\.0\.0\.1)\/+)?/, '$1:')
    .replace(/\/{2,}/g, '/');
}

const decode = (run: string): string => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8');

function resolved(text: string): string {
  const colon = text.indexOf(':');
  const out: string[] = [];
  for (const part of text.slice(colon + 1).split('/')) {
    if (part === '..') out.pop();
    else if (part !== '.' && part !== '') out.push(part);
  }
  return `${text.slice(0, colon + 1)}${out.join('/')}`;
}

/** Whether the literals stand in it one after the other, the first at its beginning and the last at its end. */
function comesOf(literals: readonly string[], form: string): boolean {
  const first = literals[0]!;
  if (!form.startsWith(first)) return false;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = form.indexOf(literal, at);
    if (found < 0) return false;
    at = found + literal.length;
  }
  const last = literals.at(-1)!;
  return form.length >= at + last.length && form.endsWith(last);
}
