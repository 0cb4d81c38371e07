import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { isMessage, isObject } from '../../protocol/jsonrpc.ts';

/** A message without the parts that are only passed on. Sent between threads, so all of it is plain data. */
export interface Outline {
  message: unknown;
  /** Parts cut out: the JSON text from `from` to `to` in `bytes` belongs at `key` of `holder`. */
  holes: [holder: object, key: string | number, from: number, to: number][];
  /** Numbers that JavaScript cannot hold, as they were written. */
  numbers: [holder: object, key: string | number, source: string][];
  bytes: Uint8Array<ArrayBuffer>;
}

/** The message is more than the thread that serves all agents may be given. `id`: that of the answer; undefined if it is no answer. */
export interface Refused {
  refused: string;
  id?: unknown;
}

/** How much of one message that thread is given: values, and bytes of all their texts and keys as JSON, in which some characters take six. */
export const most = { values: 50_000, bytes: 4 * 1024 * 1024 };
/** Characters. Longer texts of a result are cut out. */
const longText = 1024;
/** Characters. Shorter texts count as they are: escapes make little difference, since the number of values is bounded. */
const tiny = 16;
/** By the specification it is meant for the caller. No rule and no name that we handle is in it. */
const passing = 'structuredContent';

const { isRawJSON } = JSON as unknown as { isRawJSON(value: unknown): value is { rawJSON: string } };

export function outlineOf(message: unknown): Outline | Refused {
  const id = isMessage(message) && message['method'] === undefined ? message['id'] : undefined;
  const { holes, numbers } = { holes: [] as Outline['holes'], numbers: [] as Outline['numbers'] };
  const texts: Buffer[] = [];
  let size = 0;
  let left: number = most.values;
  let bytes: number = most.bytes;
  const weigh = (text: string) => {
    bytes -= text.length < tiny ? text.length : Buffer.byteLength(JSON.stringify(text));
  };

  function cut(holder: object, key: string | number, value: unknown) {
    const text = Buffer.from(JSON.stringify(value));
    holes.push([holder, key, size, size + text.length]);
    texts.push(text);
    size += text.length;
    put(holder, key, null);
  }

  function look(holder: object, key: string | number, value: unknown, inResult: boolean) {
    left--;
    if (typeof value === 'string') {
      if (inResult && value.length > longText) cut(holder, key, value);
      else weigh(value);
    } else if (isRawJSON(value)) {
      numbers.push([holder, key, value.rawJSON]);
      put(holder, key, null);
    } else if (Array.isArray(value)) for (let at = 0; at < value.length && left > 0; at++) look(value, at, value[at], inResult);
    else if (isObject(value)) lookInto(value, inResult);
  }

  function lookInto(object: JsonObject, inResult: boolean) {
    for (const key of Object.keys(object)) {
      if (left <= 0) return;
      weigh(key);
      look(object, key, object[key], inResult);
    }
  }

  const whole = { message };
  const result = isObject(message) && isObject(message['result']) ? message['result'] : undefined;
  for (const holder of [result, result?.['result']])
    if (isObject(holder) && isObject(holder[passing])) cut(holder, passing, holder[passing]);
  look(whole, 'message', message, result !== undefined);
  if (left <= 0) return { refused: `a message of more than ${most.values} values outside of its structured content`, id };
  if (bytes <= 0) return { refused: `a message of more than ${most.bytes} bytes in its many short texts`, id };
  return { message: whole.message, holes, numbers, bytes: joined(texts, size) };
}

/** Sets an own property, whatever its name: `__proto__` is a key like any other. */
export const put = (holder: object, key: string | number, value: unknown): unknown =>
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });

/** In memory of its own, which can be handed to another thread. */
function joined(texts: readonly Buffer[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const text of texts) {
    bytes.set(text, at);
    at += text.length;
  }
  return bytes;
}
