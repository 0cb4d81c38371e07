const context = 3;
const longestLine = 240;

/**
 * What changes from one text to the other, as a unified diff of one hunk; empty where nothing does. Of lines that stay only the structure is shown: they
 * hold what others keep in the file, also secrets. `ours` is our token, which is masked.
 */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined, ours?: string): string {
  const old = linesOf(before);
  const now = linesOf(after);
  let same = 0;
  while (same < old.length && same < now.length && old[same] === now[same]) same++;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - same && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
  let gone = old.slice(same, old.length - tail);
  let come = now.slice(same, now.length - tail);
  if (gone.length + come.length === 0) return '';
  const from = Math.max(0, same - context);
  const lead = old.slice(from, same);
  const trail = old.slice(old.length - tail, old.length - tail + context);
  const range = (length: number) => `${from + (length === 0 ? 0 : 1)},${length}`;
  const head = `@@ -${range(lead.length + gone.length + trail.length)} +${range(lead.length + come.length + trail.length)} @@`;
  if (gone.length === 1 && come.length === 1) [gone, come] = within(gone[0]!, come[0]!);
  // A line that comes back elsewhere is somebody else's.
  const kept = new Set(gone.filter((line) => come.includes(line)));
  const changed = (mark: string) => (line: string) => mark + (kept.has(line) ? structure(line) : masked(line, ours));
  return [
    `--- ${before === undefined ? '/dev/null' : path}`,
    `+++ ${after === undefined ? '/dev/null' : path}`,
    head,
    ...lead.map((line) => ` ${structure(line)}`),
    ...gone.map(changed('-')),
    ...come.map(changed('+')),
    ...trail.map((line) => ` ${structure(line)}`),
    '',
  ].join('\n');
}

function linesOf(text: string | undefined): string[] {
  if (text === undefined || text === '') return [];
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** One line that was changed: only the part that differs. */
function within(before: string, after: string): [string[], string[]] {
  let begin = 0;
  while (begin < before.length && begin < after.length && before[begin] === after[begin]) begin++;
  let end = 0;
  while (end < Math.min(before.length, after.length) - begin && before.at(-1 - end) === after.at(-1 - end)) end++;
  // Of the places where the same piece can be said to stand, the first: it then begins with its own quotation mark.
  while (begin + end === before.length && begin > 0 && after[begin - 1] === after[after.length - end - 1]) {
    begin--;
    end++;
  }
  const part = (line: string) => {
    const middle = line.slice(begin, line.length - end);
    return middle === '' ? '…' : `${begin > 0 ? '…' : ''}${middle}${end > 0 ? '…' : ''}`;
  };
  return [[part(before)], [part(after)]];
}

function masked(line: string, ours: string | undefined): string {
  const text = (ours === undefined ? line : line.replaceAll(ours, '••••••••')).replaceAll(/(Bearer |Basic )[^\s"'•]+/gi, '$1••••••••');
  return text.length > longestLine ? `${text.slice(0, longestLine)}…` : text;
}

/** A name and what follows it, brackets, or nothing: never a value, an item or a comment. */
function structure(line: string): string {
  const [, indent, rest] = /^([ \t]*)(.*)$/s.exec(line)!;
  if (/^[[\]{}(),]*$/.test(rest!)) return line;
  const [, header] = /^(\[{1,2}[\w.\-"' ]{1,80}\]{1,2})/.exec(rest!) ?? [];
  if (header !== undefined) return indent! + header;
  const [, name, value] = /^(["']?[\w.\-$/@]{1,80}["']?[ \t]*[:=])[ \t]*(.*)$/.exec(rest!) ?? [];
  if (name === undefined) return `${indent}…`;
  return `${indent}${name}${value === '' ? '' : ` ${/^[[{]$/.test(value!) ? value : '…'}`}`;
}
