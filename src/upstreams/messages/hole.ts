import { parseKeeping } from './parse-json.ts';

/** JSON text in pieces, too long to be joined without need. */
export type Long = readonly (string | Buffer)[];

/** Where a hole stands in a text while its pieces are put together. */
const mark = `hole-${crypto.randomUUID()}`;
let collected: Buffer[] | undefined;

/**
 * A part of a long message that nobody here looks at, as its JSON text. `JSON.stringify` writes what it stands for; `jsonOf` does so without copying it.
 * It is an object also where it stands for a string, so that nobody takes it for a short one.
 */
export class Hole {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  value(): unknown {
    return parseKeeping(this.bytes.toString('utf8'));
  }

  toJSON(): unknown {
    if (!collected) return this.value();
    collected.push(this.bytes);
    return mark;
  }
}

/** The JSON text of a value: in pieces where it has holes. */
export function jsonOf(value: unknown): string | Long {
  collected = [];
  try {
    const text = JSON.stringify(value);
    const holes = collected;
    if (holes.length === 0) return text;
    return text.split(`"${mark}"`).flatMap((piece, at) => (at === 0 ? [piece] : [holes[at - 1]!, piece]));
  } finally {
    collected = undefined;
  }
}

/** Bytes. */
export const byteLength = (text: string | Long): number =>
  typeof text === 'string' ? Buffer.byteLength(text) : text.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
