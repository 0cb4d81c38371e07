import { own } from '../../base/pieces.ts';
import { long, type Text } from './reading.ts';

/** Splits a byte stream at line feeds. Returns false when one line is longer than `maxBytes`. A large line costs no more than its size, and stays bytes, in pieces. */
export function openLines(maxBytes: number, onLine: (line: Text) => void): (chunk: Buffer) => boolean {
  let parts: Buffer[] = [];
  let held = 0;
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      let line: Text;
      if (held === 0) line = chunk.toString('utf8', start, end);
      else {
        if (held + end - start > maxBytes) return false;
        parts.push(chunk.subarray(start, end));
        line = held + end - start > long ? parts : Buffer.concat(parts).toString('utf8');
        parts = [];
        held = 0;
      }
      start = end + 1;
      if (line.length > 0) onLine(line);
    }
    if (start < chunk.length) {
      held += chunk.length - start;
      const rest = chunk.subarray(start);
      parts.push(held > long ? own(rest) : rest);
    }
    return held <= maxBytes;
  };
}
