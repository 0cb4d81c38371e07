export type JsonObject = Record<string, unknown>;

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** JSON-RPC 2.0 ids as MCP allows them: never null. */
export type Id = string | number;

/** Error codes of JSON-RPC 2.0 and of the MCP specification (2026-07-28, "Error codes"). */
export const rpc = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** Of those that JSON-RPC leaves to servers. */
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

/** What else comes in JSON where messages are looked for (a program's log, a service's sign of life) is none, whatever members it has. */
export const isMessage = (value: unknown): value is JsonObject => isObject(value) && value['jsonrpc'] === '2.0';

/** An id or progress token of ours as it came back: some servers make a text of the number. */
export const ourId = (id: unknown): unknown => (typeof id === 'string' && /^(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id);

/** Characters. What is named is looked up, spelt in several ways and put into answers and records, so it is bounded before anything is done with it. */
export const longest = { id: 1024, method: 256, name: 1024, uri: 8192 } as const;

const isId = (value: unknown): value is Id =>
  (typeof value === 'string' && value.length <= longest.id) || (typeof value === 'number' && Number.isFinite(value));

/** Sorts a parsed body into one of the three kinds; a string says in words why it is none. */
export function classify(body: unknown): Message | string {
  if (Array.isArray(body)) return 'Batches are not part of this protocol revision: send one message per request.';
  if (!isObject(body) || body['jsonrpc'] !== '2.0') return 'The body must be one JSON-RPC 2.0 object.';
  const { id, method, params } = body;
  if (id !== undefined && !isId(id)) return `A JSON-RPC id must be a number or a string of at most ${longest.id} characters.`;
  if (typeof method === 'string') {
    if (method.length > longest.method) return `A method has at most ${longest.method} characters.`;
    if (params !== undefined && !isObject(params)) return 'JSON-RPC params must be an object.';
    const given = params ?? {};
    return id === undefined ? { kind: 'notification', method, params: given } : { kind: 'request', id, method, params: given };
  }
  if (id === undefined || method !== undefined) return 'A message needs a method, or an id with a result or an error.';
  if (isObject(body['result'])) return { kind: 'response', id, result: body['result'] };
  if (isObject(body['error'])) return { kind: 'response', id, error: body['error'] as unknown as RpcError };
  return 'A message needs a method, or an id with a result or an error.';
}

/** `result` is JSON text already: lists are serialised once and sent many times. */
export const resultText = (id: Id, result: string): string => `${beforeResult(id)}${result}}`;

export const beforeResult = (id: Id): string => `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`;

export const errorText = (id: Id | null, error: RpcError): string =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(error)}}`;
