import { long } from './reading.ts';

/** Splits a byte stream at line feeds. Returns false when one line is longer than `maxBytes`. A large line costs no more than its size, and stays bytes. */
export function openLines(maxBytes: number, onLine: (line: string | Buffer) => void): (chunk: Buffer) => boolean {
  let parts: Buffer[] = [];
  let held = 0;
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      let line: string | Buffer;
      if (held === 0) line = chunk.toString('utf8', start, end);
      else {
        if (held + end - start > maxBytes) return false;
        parts.push(chunk.subarray(start, end));
        line = Buffer.concat(parts);
        if (line.length <= long) line = line.toString('utf8');
        parts = [];
        held = 0;
      }
      start = end + 1;
      if (line.length > 0) onLine(line);
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      held += chunk.length - start;
    }
    return held <= maxBytes;
  };
}
