/** The line end that a text uses first; `\n` where it has none. */
export function lineEndOf(text: string): '\n' | '\r\n' {
  const at = text.indexOf('\n');
  return at > 0 && text[at - 1] === '\r' ? '\r\n' : '\n';
}

/** Where the line of `at` begins. */
export const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;

/** Where the line of `at` ends: at its line end, or the text's. */
export function lineStop(text: string, at: number): number {
  const next = text.indexOf('\n', at);
  if (next < 0) return text.length;
  return next > at && text[next - 1] === '\r' ? next - 1 : next;
}

/** Where the line after the one of `at` begins. */
export function nextLine(text: string, at: number): number {
  const next = text.indexOf('\n', at);
  return next < 0 ? text.length : next + 1;
}

export const isBlank = (text: string): boolean => /^[ \t\r]*$/.test(text);

/** The white space that a line begins with. */
export const indentAt = (text: string, at: number): string => /^[ \t]*/.exec(text.slice(lineStart(text, at), at))![0];

export const splice = (text: string, from: number, to: number, put = ''): string => text.slice(0, from) + put + text.slice(to);

/** A text to which more is added at its end: nothing is joined to its last line. */
export const ended = (text: string, lineEnd: string): string => (text === '' || text.endsWith('\n') ? text : text + lineEnd);

/** Where `after` has the one piece that it has more than `before`: as early as that can be said. Undefined where that is not all that differs. */
export function insertion(before: string, after: string): { from: number; to: number } | undefined {
  let from = 0;
  while (from < before.length && before[from] === after[from]) from++;
  let to = after.length - (before.length - from);
  if (to < from || !after.endsWith(before.slice(from))) return undefined;
  while (from > 0 && to > from && after[from - 1] === after[to - 1]) {
    from--;
    to--;
  }
  return { from, to };
}
