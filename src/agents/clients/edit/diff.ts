import { insertion, lineStop, nextLine } from './lines.ts';

const context = 3;
const longestLine = 240;

/**
 * What changes in a file of `before`, as a unified diff of one hunk; empty where nothing does. `base` is the file without our entry, `after` with it. Only
 * what is put in is shown as it is, but for `token`. Of all else the structure is shown alone: it is what others keep in the file, also secrets. Without a token
 * the file holds none, and all of it is shown.
 */
export function unifiedDiff(path: string, before: string | undefined, { base, after, token }: Change): string {
  const old = linesOf(before ?? '');
  const now = linesOf(after);
  let same = 0;
  while (same < old.length && same < now.length && old[same]!.text === now[same]!.text) same++;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - same && old.at(-1 - tail)!.text === now.at(-1 - tail)!.text) tail++;
  const gone = old.slice(same, old.length - tail);
  const come = now.slice(same, now.length - tail);
  if (gone.length + come.length === 0) return '';
  const from = Math.max(0, same - context);
  const lead = old.slice(from, same);
  const trail = old.slice(old.length - tail, old.length - tail + context);
  const range = (length: number) => `${from + (length === 0 ? 0 : 1)},${length}`;
  const piece = insertion(base, after);
  const theirs = (mark: string) => (line: Line) => mark + (token === undefined ? line.text : structure(line.text));
  return [
    `--- ${before === undefined ? '/dev/null' : path}`,
    `+++ ${path}`,
    `@@ -${range(lead.length + gone.length + trail.length)} +${range(lead.length + come.length + trail.length)} @@`,
    ...lead.map(theirs(' ')),
    ...gone.map(theirs('-')),
    ...come.map((line) => `+${token === undefined ? line.text : shown(line, piece, token)}`),
    ...trail.map(theirs(' ')),
    '',
  ].join('\n');
}

interface Change {
  base: string;
  after: string;
  token?: string;
}

interface Line {
  text: string;
  /** Where it begins in its text. */
  at: number;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let at = 0; at < text.length; at = nextLine(text, at)) lines.push({ text: text.slice(at, lineStop(text, at)), at });
  return lines;
}

/** What of a line belongs to the piece; where that is nothing but white space, the line is somebody else's. */
function shown({ text, at }: Line, piece: { from: number; to: number } | undefined, token: string): string {
  if (piece === undefined) return structure(text);
  const from = Math.max(piece.from - at, 0);
  const to = Math.min(piece.to - at, text.length);
  const ours = text.slice(from, Math.max(from, to));
  if (ours.trim() === '') return structure(text);
  const masked = ours.replaceAll(token, '••••••••');
  const cut = masked.length > longestLine ? `${masked.slice(0, longestLine)}…` : masked;
  return `${from > 0 ? '…' : ''}${cut}${to < text.length ? '…' : ''}`;
}

/** A quotation mark that opens a name closes it, and something follows a TOML name: base64 ends in `=`, too. */
const nameAndValue = /^((?:"[\w.\-$/@]{1,80}"|'[\w.\-$/@]{1,80}'|[\w.\-$/@]{1,80})[ \t]*(?::|=(?=[ \t]*[^\s=])))[ \t]*(.*)$/;

/** A name and what follows it, brackets, or nothing: never a value, an item or a comment. */
function structure(line: string): string {
  const [, indent, rest] = /^([ \t]*)(.*)$/s.exec(line)!;
  if (/^[[\]{}(),]*$/.test(rest!)) return line;
  const [, header] = /^(\[{1,2}[\w.\-"' ]{1,80}\]{1,2})/.exec(rest!) ?? [];
  if (header !== undefined) return indent! + header;
  const [, name, value] = nameAndValue.exec(rest!) ?? [];
  if (name === undefined) return `${indent}…`;
  return `${indent}${name}${value === '' ? '' : ` ${/^[[{]$/.test(value!) ? value : '…'}`}`;
}
