import { isUtf8 } from 'node:buffer';
import { members } from '../../protocol/members.ts';
import { most, type Refused } from './outline.ts';
import { shapeOf, type TextShape } from './shape.ts';

// Of TC39's "JSON.parse source text access", which Node 24 has and TypeScript's library does not name yet.
const { rawJSON } = JSON as unknown as { rawJSON(source: string): object };

/**
 * `JSON.parse` takes any depth, `JSON.stringify` runs out of stack on it: one such message would end the host, or leave a call unrecorded.
 * No answer of a sound server comes near this depth.
 */
const maxDepth = 512;
/** Characters. A shorter text cannot nest too deep, and is quickly stringified again. */
const short = 2 * maxDepth;
/** What may be parsed on the thread that serves all agents: values, members of objects, and values if each must be checked for a number that would change. */
const quick = { values: most.values, members: 20_000, looking: 5000 };

/**
 * Parses an upstream's message so that `JSON.stringify` gives its numbers back as they came: one that JavaScript cannot hold (a 64-bit id,
 * minus zero, 1e400) stays as it was written. Nothing here computes with such a number; the agent may be able to. `bytes`: the text as it came,
 * if the caller has it. Undefined where parsing would take so long that another thread should do it.
 */
export function parseShort(text: string, bytes?: Buffer): { message: unknown } | undefined {
  // RFC 8259, section 8.1: a parser may ignore it.
  if (text.charCodeAt(0) === byteOrderMark) return parseShort(text.slice(1), bytes?.subarray(3));
  if (text.length <= short) return { message: mayLose(text) ? parseKeeping(text) : JSON.parse(text) };
  const shape = measured(text);
  if (shape.values > quick.values || shape.members > quick.members || (shape.loses && shape.values > quick.looking)) return undefined;
  const message: unknown = shape.loses ? parseKeeping(text) : JSON.parse(text);
  const { result } = shape;
  // Counting the parsed members pays for a message of long texts and few members. Others are stringified just as quickly.
  if (result && !shape.lines && result.members * 32 < text.length) {
    const value = (message as { result?: unknown }).result;
    // INVARIANT: of two members with one name, rules see the last; an agent's parser might take the first. Such a result is stringified again.
    if (typeof value === 'object' && value !== null && members(value) === result.members) written.set(value, cut(text, result, bytes));
  }
  return { message };
}

const byteOrderMark = 0xfeff;

/** The most values that are parsed at all: nothing else bounds their size in memory. */
const mostParsed = 2_000_000;

/** The same for a text of any length, on a thread that keeps nobody waiting. */
export function parseLong(text: string): { message: unknown } | Refused {
  if (text.charCodeAt(0) === byteOrderMark) return parseLong(text.slice(1));
  const { loses, values, id } = measured(text);
  if (values > mostParsed) return { refused: `an answer of more than ${mostParsed} values`, id: id && JSON.parse(id) };
  return { message: loses ? parseKeeping(text) : JSON.parse(text) };
}

function measured(text: string): TextShape {
  const shape = shapeOf(text, maxDepth);
  if (shape === 'too-deep') throw new SyntaxError(`It nests deeper than ${maxDepth} levels.`);
  return shape;
}

export const rawNumber = (source: string): object => rawJSON(source);

/** Parsed results, each with the text that it was parsed from. */
const written = new WeakMap<object, Buffer>();

/** The text of a parsed message's `result`, where sending it on as it is saves work: one line of JSON that means the same to every parser. */
export const writtenAs = (result: object): Buffer | undefined => written.get(result);

/** The part of the bytes as they came. If they are not well-formed UTF-8, the decoded text: an agent's decoder might read the bytes in another way than ours. */
function cut(text: string, { from, to }: NonNullable<TextShape['result']>, bytes: Buffer | undefined): Buffer {
  if (bytes === undefined) return Buffer.from(text.slice(from, to));
  if (bytes.length === text.length) return bytes.subarray(from, to);
  if (!isUtf8(bytes)) return Buffer.from(text.slice(from, to));
  return bytes.subarray(Buffer.byteLength(text.slice(0, from)), bytes.length - Buffer.byteLength(text.slice(to)));
}

/** Sixteen digits, each written out: V8 then looks at every sixteenth character only, which it does not with `{16}`. */
const longNumber = /\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d/;

/** A quick test: parsing with a reviver takes several times as long, and almost no message needs it. */
const mayLose = (text: string): boolean =>
  (longNumber.test(text) && /\d{17}|9\d{15}/.test(text)) ||
  /[eE]\+?\d{3}/.test(text) ||
  (text.includes('-0') && /(?:^|[:[,\s])-0(?:\.0+)?(?:[,\]}\s]|$)/.test(text));

export const parseKeeping = (text: string): unknown => JSON.parse(text, keep as (key: string, value: unknown) => unknown);

function keep(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && source !== undefined && lost(value, source) ? rawJSON(source) : value;
}

function lost(value: number, source: string): boolean {
  if (!Number.isFinite(value) || Object.is(value, -0)) return true;
  return !Number.isSafeInteger(value) && /^-?\d+$/.test(source) && String(value) !== source;
}
