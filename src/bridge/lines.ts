const newline = 0x0a;

/**
 * A `data` handler that hands on each line as the bytes that came, without its end. A line past `longest` bytes is thrown away as it comes, and
 * `tooLong` is called once for it; the next line is read as usual.
 */
export function byteLines(longest: number, onLine: (line: Buffer) => void, tooLong: () => void): (chunk: Buffer) => void {
  let pieces: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer) => {
    length += piece.length;
    if (length > longest) pieces = [];
    else pieces.push(piece);
  };
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      take(chunk.subarray(start, end));
      start = end + 1;
      const line = length > longest ? undefined : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
      pieces = [];
      length = 0;
      if (line) onLine(line);
      else tooLong();
    }
    if (start < chunk.length) take(chunk.subarray(start));
  };
}
