import { isRawNumber, type RawNumber, rawNumber } from '../protocol/exact.ts';
import { isMessage, isObject } from '../protocol/jsonrpc.ts';

type AnyId = string | number | RawNumber;

/** What the bridge must know of a message that the agent wrote. The bytes themselves go on as they are. */
export interface Told {
  method: string | undefined;
  /** Whoever waits for an answer: a request, or the requests of a batch. */
  ids: AnyId[];
  /** Of a modern message, by its envelope. */
  modern: string | undefined;
  /** It begins a legacy session. */
  begins: boolean;
  /** The version that it asks for then. */
  asked?: string;
  /** Of the request that a notification cancels. */
  cancels: unknown;
  /** As the agent calls itself, where the message says so. */
  name: string | undefined;
}

const prefix = 'io.modelcontextprotocol/';

/** Undefined where the bytes are no JSON object or list. */
export function told(line: Buffer): Told | undefined {
  const text = line.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (Array.isArray(value)) {
    const ids = value.flatMap((each) => (isObject(each) && typeof each['method'] === 'string' ? idsOf(each['id'], '') : []));
    return { method: undefined, ids, modern: undefined, begins: false, cancels: undefined, name: undefined };
  }
  if (!isObject(value)) return undefined;
  const method = typeof value['method'] === 'string' ? value['method'] : undefined;
  const params = isObject(value['params']) ? value['params'] : {};
  const meta = isObject(params['_meta']) ? params['_meta'] : {};
  const version = meta[`${prefix}protocolVersion`];
  const begins = method === 'initialize' && typeof params['protocolVersion'] === 'string';
  const client = begins ? params['clientInfo'] : meta[`${prefix}clientInfo`];
  return {
    method,
    ids: method === undefined ? [] : idsOf(value['id'], text),
    modern: !begins && typeof version === 'string' && /^[\x21-\x7e]{1,40}$/.test(version) ? version : undefined,
    begins,
    ...(begins ? { asked: params['protocolVersion'] as string } : {}),
    cancels: method === 'notifications/cancelled' ? params['requestId'] : undefined,
    name: isObject(client) && typeof client['name'] === 'string' ? client['name'].slice(0, 200) : undefined,
  };
}

function idsOf(id: unknown, text: string): AnyId[] {
  if (typeof id === 'string' || Number.isSafeInteger(id)) return [id as AnyId];
  if (typeof id !== 'number') return [];
  // Longer than JavaScript can hold: read again, as it was written.
  let exact: AnyId = id;
  const keep = (key: string, value: unknown, { source }: { source?: string }) =>
    key === 'id' && typeof value === 'number' && source !== undefined ? rawNumber(source) : value;
  const whole = text === '' ? undefined : (JSON.parse as (text: string, keep: unknown) => { id?: unknown })(text, keep);
  if (isRawNumber(whole?.id)) exact = whole.id;
  return [exact];
}

/** A message that came from the host, as one line; undefined where it is none. Raw line ends stand between the values of JSON only, never in one. */
export function asLine(text: string): { line: string; answers: unknown[] } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const all = Array.isArray(value) ? value : [value];
  if (all.length === 0 || !all.every(isMessage)) return undefined;
  const answers = all.flatMap((each) => (each['method'] === undefined ? [each['id']] : []));
  return { line: /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text, answers };
}
