import { StringDecoder } from 'node:string_decoder';

/** A `data` handler that hands on each line. A line past `longest` bytes calls `tooLong` once, and nothing more is read. */
export function splitLines(longest: number, onLine: (line: string) => void, tooLong: () => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  // Kept in pieces: joining at each chunk would cost the square of a long line's length.
  let pieces: string[] = [];
  let length = 0;
  let over = false;
  return (chunk) => {
    if (over) return;
    const parts = decoder.write(chunk).split('\n');
    for (const [index, part] of parts.entries()) {
      pieces.push(part);
      length += part.length;
      if (length > longest) {
        over = true;
        pieces = [];
        return tooLong();
      }
      if (index === parts.length - 1) break;
      const line = pieces.join('');
      pieces = [];
      length = 0;
      if (line.trim() !== '') onLine(line);
    }
  };
}
