import { isRawNumber, type RawNumber } from './exact.ts';

export type JsonObject = Record<string, unknown>;

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** JSON-RPC 2.0 ids as MCP allows them: never null. Two are the same where `idKey` says so. */
export type Id = string | number | RawNumber;

/** Error codes of JSON-RPC 2.0 and of the MCP specification (2026-07-28, "Error codes"). */
export const rpc = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** From the range that JSON-RPC leaves to servers. */
  tooMuchUnread: -32005,
  resourceNotFound: -32002,
  urlElicitationRequired: -32042,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
} as const;

export type Message =
  | { kind: 'request'; id: Id; method: string; params: JsonObject }
  | { kind: 'notification'; method: string; params: JsonObject }
  | { kind: 'response'; id: Id; result?: JsonObject; error?: RpcError };

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Other JSON among the messages (a program's log, a service's sign of life) is no message, whatever members it has. */
export const isMessage = (value: unknown): value is JsonObject => isObject(value) && value['jsonrpc'] === '2.0';

/** An id or progress token of ours as it came back: some servers make a text of the number. */
export const ourId = (id: unknown): unknown => (typeof id === 'string' && /^(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id);

/** Characters. What is named is looked up, spelt in several ways and put into answers and records, so it is bounded before anything is done with it. */
export const longest = { id: 1024, method: 256, name: 1024, uri: 8192 } as const;

export const isId = (value: unknown): value is Id =>
  (typeof value === 'string' && value.length <= longest.id) ||
  (typeof value === 'number' && Number.isFinite(value)) ||
  (isRawNumber(value) && value.rawJSON.length <= longest.id);

/** Why a body is no message, with its id if it has one, so that whoever waits for an answer gets this one. */
export interface NoMessage {
  kind: 'none';
  id: Id | null;
  error: RpcError;
}

const noMessage = (id: Id | null, message: string): NoMessage => ({ kind: 'none', id, error: { code: rpc.invalidRequest, message } });

/** Sorts a parsed body into one of the three kinds. Null counts as left out, wherever a member is optional. */
export function classify(body: unknown): Message | NoMessage {
  if (!isObject(body)) return noMessage(null, 'The body must be one JSON-RPC 2.0 object.');
  const { params, result, error } = body;
  const method = body['method'] ?? undefined;
  // A request with a null id would wait for an answer. A notification never does, so there null counts as no id.
  const noId = body['id'] === null && typeof method === 'string' && method.startsWith('notifications/');
  const id = noId ? undefined : body['id'];
  const none = (why: string) => noMessage(isId(id) ? id : null, why);
  if (body['jsonrpc'] !== '2.0') return none('The body must be one JSON-RPC 2.0 object.');
  if (id !== undefined && !isId(id)) return none(`A JSON-RPC id must be a number or a string of at most ${longest.id} characters.`);
  if (typeof method === 'string') {
    if (method.length > longest.method) return none(`A method has at most ${longest.method} characters.`);
    const paramsOrEmpty = params ?? {};
    if (!isObject(paramsOrEmpty)) return none('JSON-RPC params must be an object.');
    return id === undefined
      ? { kind: 'notification', method, params: paramsOrEmpty }
      : { kind: 'request', id, method, params: paramsOrEmpty };
  }
  if (id !== undefined && method === undefined) {
    if (isObject(result)) return { kind: 'response', id, result };
    if (isObject(error)) return { kind: 'response', id, error: error as unknown as RpcError };
  }
  return none('A message needs a method, or an id with a result or an error.');
}

/** `result` is JSON text already: lists are serialised once and sent many times. */
export const resultText = (id: Id, result: string): string => `${beforeResult(id)}${result}}`;

export const beforeResult = (id: Id): string => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;

export const errorText = (id: Id | null, error: RpcError): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(error)}}`;
