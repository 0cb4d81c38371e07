import { rawNumber } from '../../protocol/exact.ts';
import { isObject, type JsonObject, longest } from '../../protocol/jsonrpc.ts';

/** Where a number stands in a body. */
export interface Place {
  from: number;
  to: number;
}

/** What only comes back to its sender and is never computed with: there a number is kept as it was written. */
const names = ['id', 'requestId', 'progressToken'].map((name) => Buffer.from(`"${name}"`));
const colon = 0x3a;

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/** Whether the number is the value of such a name, and would be written otherwise than it came. Which object it belongs to shows after parsing. */
export function isNamedExactly(raw: Buffer, from: number, to: number): boolean {
  let at = from - 1;
  while (isSpace(raw[at])) at--;
  if (raw[at] !== colon) return false;
  do at--;
  while (isSpace(raw[at]));
  if (!names.some((name) => at + 1 >= name.length && raw.compare(name, 0, name.length, at + 1 - name.length, at + 1) === 0)) return false;
  const source = raw.toString('latin1', from, to);
  return String(Number(source)) !== source;
}

/** Random, so that no text in a body can begin with it. */
const mark = `number-${crypto.randomUUID()}-`;

/**
 * Puts the numbers at `places` into the parsed body as they were written, where they are ids and tokens of its messages. Gives back the sources of
 * those that are something else.
 */
export function keepExactly(body: unknown, raw: Buffer, places: readonly Place[]): string[] {
  const sources = places.map(({ from, to }) => raw.toString('latin1', from, to));
  let from = 0;
  const pieces = places.map((place, at) => {
    const before = raw.toString('utf8', from, place.from);
    from = place.to;
    return `${before}"${mark}${at}"`;
  });
  // The same body with the mark and its index in place of each number.
  const marked: unknown = JSON.parse(`${pieces.join('')}${raw.toString('utf8', from)}`);
  const rest = new Set(sources.keys());
  const put = (holder: JsonObject | undefined, shown: JsonObject | undefined, name: string) => {
    const text = holder && shown?.[name];
    if (typeof text !== 'string' || !text.startsWith(mark)) return;
    const at = Number(text.slice(mark.length));
    if (sources[at]!.length > longest.id) return;
    holder![name] = rawNumber(sources[at]!);
    rest.delete(at);
  };
  const all = Array.isArray(body) ? body : [body];
  const shown = Array.isArray(marked) ? marked : [marked];
  for (const [at, message] of all.entries()) {
    const twin: unknown = shown[at];
    if (!isObject(message) || !isObject(twin)) continue;
    put(message, twin, 'id');
    const [params, twins] = [member(message, 'params'), member(twin, 'params')];
    if (message['method'] === 'notifications/cancelled') put(params, twins, 'requestId');
    else if (message['method'] === 'notifications/progress') put(params, twins, 'progressToken');
    else put(member(params, '_meta'), member(twins, '_meta'), 'progressToken');
  }
  return [...rest].map((at) => sources[at]!);
}

function member(holder: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = holder?.[name];
  return isObject(value) ? value : undefined;
}
