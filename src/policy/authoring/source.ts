/** One policy as it stands in its file. */
export interface Segment {
  text: string;
  /** The same, with comments blanked: offsets agree, and nothing in a comment is taken for policy. */
  code: string;
  /** Where it starts in the file, in characters. */
  start: number;
}

/**
 * Cuts a file into its policies: in Cedar `;` ends a policy and stands nowhere else but in strings and comments.
 * Done before parsing, so that each policy keeps its line and a mistake in one does not hide those in the others.
 */
export function splitPolicies(file: string): Segment[] {
  const segments: Segment[] = [];
  const token = /"(?:[^"\\]|\\[\s\S])*"?|\/\/[^\r\n]*|;/g;
  let code = '';
  let copied = 0;
  let from = 0;
  const push = (to: number): void => {
    code += file.slice(copied, to);
    copied = to;
    const blank = /^\s*/.exec(code)![0].length;
    if (blank < code.length) segments.push({ text: file.slice(from + blank, to), code: code.slice(blank), start: from + blank });
    code = '';
    from = to;
  };
  for (const match of file.matchAll(token)) {
    if (match[0] === ';') push(match.index + 1);
    else if (match[0].startsWith('//')) {
      code += file.slice(copied, match.index) + ' '.repeat(match[0].length);
      copied = match.index + match[0].length;
    }
  }
  push(file.length);
  return segments;
}

/** Finds line and column, from 1, of character offsets in one file; the lines are counted once. */
export function positions(file: string): (offset: number) => { line: number; column: number } {
  const starts = [0];
  for (let at = file.indexOf('\n'); at >= 0; at = file.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  };
}

/** Cedar counts bytes of UTF-8; JavaScript counts UTF-16 units. */
export function characterOffset(text: string, bytes: number): number {
  return Buffer.from(text).subarray(0, bytes).toString().length;
}
