import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

export type Body =
  | { bytes: number; value: unknown }
  | { refused: 'too-large' | 'not-json' | 'too-deep' | 'broken-off' }
  /** It can be read in two ways, and rules and server might read it differently. `id`: of the request, where it has one. */
  | { refused: 'ambiguous'; why: string; id: unknown };

/** Reads one JSON body. Both bounds hold before anything is parsed, so a hostile body costs no more than its reading. */
export async function readBody(request: IncomingMessage, maxBytes: number, maxDepth: number): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { refused: 'too-large' };
  const raw = await collect(request, maxBytes);
  if (typeof raw === 'string') return { refused: raw };
  const shape = shapeOf(raw, maxDepth);
  if (shape === 'too-deep') return { refused: 'too-deep' };
  // A decoder puts replacement characters for what is no UTF-8; another one may see something else in it.
  if (!isUtf8(raw)) return { refused: 'not-json' };
  try {
    const text = raw.toString('utf8');
    const value: unknown = JSON.parse(text);
    const why =
      members(value) !== shape.members ? 'An object in it has two members with the same name.' : shape.long ? inexact(text) : undefined;
    if (why !== undefined) return { refused: 'ambiguous', why, id: (value as { id?: unknown } | null)?.id };
    return { bytes: raw.length, value };
  } catch {
    return { refused: 'not-json' };
  }
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too-large' | 'broken-off'> {
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

const quote = 0x22;
const backslash = 0x5c;

const colon = 0x3a;

/**
 * What the bytes show before they are parsed: whether brackets nest deeper than `max`, since a parsed value that deep could not even be walked;
 * how many members its objects have; whether a number may be in it that JavaScript cannot hold (16 digits in a row, or an exponent).
 */
function shapeOf(raw: Buffer, max: number): { members: number; long: boolean } | 'too-deep' {
  let depth = 0;
  let count = 0;
  let digits = 0;
  let long = false;
  for (let index = 0; index < raw.length; index++) {
    const byte = raw[index]!;
    if (byte === quote) {
      for (index++; index < raw.length && raw[index] !== quote; index++) if (raw[index] === backslash) index++;
      digits = 0;
    } else if (byte >= 0x30 && byte <= 0x39) {
      if (++digits >= 16) long = true;
    } else {
      if (digits > 0 && (byte | 0x20) === 0x65) long = true;
      digits = 0;
      if (byte === colon) count++;
      else if (byte === 0x7b || byte === 0x5b) {
        if (++depth > max) return 'too-deep';
      } else if (byte === 0x7d || byte === 0x5d) depth--;
    }
  }
  return { members: count, long };
}

function members(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const one of value) count += members(one);
  else for (const one of Object.values(value)) count += 1 + members(one);
  return count;
}

/** Names the first number that would be another one after it was parsed and written again. */
function inexact(text: string): string | undefined {
  let why: string | undefined;
  // Of TC39's "JSON.parse source text access", which Node 24 has and TypeScript's library does not name yet.
  const look = (_key: string, value: unknown, { source }: { source?: string }) => {
    if (typeof value === 'number' && source !== undefined && changes(value, source))
      why ??= `The number ${source.length > 40 ? `${source.slice(0, 40)}...` : source} in it cannot be held exactly.`;
    return value;
  };
  JSON.parse(text, look as (key: string, value: unknown) => unknown);
  return why;
}

/** Not finite, or a whole number that comes out as another. Of a fraction all readers of IEEE 754 hold the same. */
function changes(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return true;
  if (value === 0) return /^-?[0.]*[1-9]/.test(source);
  if (Number.isSafeInteger(value)) return false;
  // Written again it need not look the same, but must be the same number to a reader of any precision.
  return Number.isInteger(value) && wholeOf(String(value)) !== wholeOf(source);
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
