import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { isLong, turn } from '../../base/pace.ts';
import { members } from '../../protocol/members.ts';
import { isNamedExactly, keepExactly, type Place } from './exact-numbers.ts';

export type Body =
  | { bytes: number; value: unknown }
  | { refused: 'too-large' | 'not-json' | 'too-deep' | 'too-many' | 'broken-off' }
  /** It can be read in two ways, and rules and server might read it differently. `id`: of the request, where it has one. */
  | { refused: 'ambiguous'; why: string; id: unknown };

/** Reads one JSON body. Both bounds hold before anything is parsed, so a hostile body costs no more than its reading. */
export async function readBody(request: IncomingMessage, maxBytes: number, maxDepth: number): Promise<Body> {
  const raw = await readBytes(request, maxBytes);
  if (typeof raw === 'string') return { refused: raw };
  const shape = shapeOf(raw, maxDepth);
  if (typeof shape === 'string') return { refused: shape };
  if (isLong(raw.length)) await turn();
  // A decoder puts replacement characters for what is no UTF-8; another one may see something else in it.
  if (!isUtf8(raw)) return { refused: 'not-json' };
  try {
    const text = raw.toString('utf8');
    const value: unknown = JSON.parse(text);
    if (isLong(raw.length)) await turn();
    const doubled = members(value) !== shape.members;
    const inexact =
      shape.exact === undefined ? shape.inexact : (first(keepExactly(value, raw, shape.exact), inexactNumber) ?? shape.inexact);
    const why = doubled
      ? 'An object in it has two members with the same name.'
      : inexact && `The number ${inexact} in it cannot be held exactly.`;
    if (why !== undefined) return { refused: 'ambiguous', why, id: (value as { id?: unknown } | null)?.id };
    return { bytes: raw.length, value };
  } catch {
    return { refused: 'not-json' };
  }
}

/** A body as it came. */
export function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too-large' | 'broken-off'> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve('too-large');
  return new Promise((resolve) => {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        request.removeAllListeners('data');
        // What is still to come is thrown away unread, so that the answer can reach the sender.
        request.resume();
        resolve('too-large');
      } else if (first === undefined) first = chunk;
      else (rest ??= [first]).push(chunk);
    });
    request.on('end', () => resolve(rest ? Buffer.concat(rest, size) : (first ?? Buffer.alloc(0))));
    request.on('error', () => resolve('broken-off'));
    request.on('aborted', () => resolve('broken-off'));
  });
}

function first<In, Out>(all: Iterable<In>, find: (entry: In) => Out | undefined): Out | undefined {
  for (const entry of all) {
    const result = find(entry);
    if (result !== undefined) return result;
  }
  return undefined;
}

const quote = 0x22;
const backslash = 0x5c;

const colon = 0x3a;
const comma = 0x2c;
const minus = 0x2d;

/** How many values one message may have, and among them members of objects, and objects and lists: parsing each holds everybody up, some 0.3 us. */
const most = { values: 50_000, members: 20_000, nested: 20_000 };
/** Characters of one number: no double needs more than some 770. */
const longestNumber = 1000;

/**
 * What the bytes show before they are parsed: whether brackets nest deeper than `max`, since a parsed value that deep could not even be walked;
 * whether there are more values than one message may have; how many members its objects have; the first number that parsing
 * and writing would change, and the places of those that can be kept as they were written.
 */
function shapeOf(
  raw: Buffer,
  max: number,
): { members: number; inexact: string | undefined; exact: Place[] | undefined } | 'too-deep' | 'too-many' {
  let depth = 0;
  let colons = 0;
  let values = 1;
  let nested = 0;
  let inexact: string | undefined;
  let exact: Place[] | undefined;
  for (let index = 0; index < raw.length; index++) {
    const byte = raw[index]!;
    if (byte === quote) {
      for (index++; index < raw.length && raw[index] !== quote; index++) if (raw[index] === backslash) index++;
    } else if (byte === minus || (byte >= 0x30 && byte <= 0x39)) {
      const from = index;
      let digits = byte !== minus || raw[index + 1] !== 0x30;
      for (; index + 1 < raw.length && isNumeric(raw[index + 1]!); index++) digits &&= raw[index + 1]! >= 0x30 && raw[index + 1]! <= 0x39;
      // Fifteen digits come back as they were (IEEE 754, DBL_DIG), with an exponent of two digits at any rate.
      const long = index - from > 14;
      if (digits && !long) continue;
      if (isNamedExactly(raw, from, index + 1)) (exact ??= []).push({ from, to: index + 1 });
      else if (long || hasLongExponent(raw, from, index)) inexact ??= inexactNumber(raw.toString('latin1', from, index + 1));
    } else if (byte === colon) {
      if (++colons > most.members) return 'too-many';
    } else if (byte === comma) {
      if (++values > most.values) return 'too-many';
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++nested > most.nested) return 'too-many';
      if (++depth > max) return 'too-deep';
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return { members: colons, inexact, exact };
}

/** Digits, `+`, `-`, `.`, `e` and `E`. */
const isNumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === minus || byte === 0x2e || (byte | 0x20) === 0x65;

/** At least three characters behind an `e`. */
function hasLongExponent(raw: Buffer, from: number, last: number): boolean {
  for (let at = from + 1; at <= last - 3; at++) if ((raw[at]! | 0x20) === 0x65) return true;
  return false;
}

function inexactNumber(source: string): string | undefined {
  if (source.length <= longestNumber && !changes(Number(source), source)) return undefined;
  return source.length > 40 ? `${source.slice(0, 40)}...` : source;
}

/** Not finite, or a whole number that comes out as another one. All readers of IEEE 754 make the same of a fraction. */
function changes(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return true;
  // Fifteen digits come back as they were, whatever the exponent of a number that is not next to zero (IEEE 754, DBL_DIG).
  if (Math.abs(value) > 1e-290 && digitsOf(source) <= 15) return false;
  if (value === 0) return /^-?[0.]*[1-9]/.test(source);
  if (Number.isSafeInteger(value)) return false;
  // Written again it need not look the same, but must be the same number to a reader of any precision.
  return Number.isInteger(value) && wholeOf(String(value)) !== wholeOf(source);
}

function digitsOf(source: string): number {
  let count = 0;
  for (let at = 0; at < source.length && (source.charCodeAt(at) | 0x20) !== 0x65; at++) if (source.charCodeAt(at) >= 0x30) count++;
  return count;
}

/** The whole number that a JSON number is, exactly; undefined where it has a fraction. */
function wholeOf(source: string): bigint | undefined {
  const [, sign = '', digits = '', fraction = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const shift = Number(power) - fraction.length;
  const all = `${digits}${fraction}`;
  // A finite number has 309 digits at the most; zeros behind them would be work for nothing.
  if (shift >= 0) return BigInt(`${sign}${all}${'0'.repeat(Math.min(shift, 400))}`);
  const cut = all.length + shift;
  return cut > 0 && /^0*$/.test(all.slice(cut)) ? BigInt(`${sign}${all.slice(0, cut)}`) : undefined;
}
