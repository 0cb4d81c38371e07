import { type Recipe, textOf } from './texts.ts';

/** What a hostile server is asked to say, as the arguments of a call. */
export interface Wish {
  way: Way;
  recipe: Recipe;
}
export type Way = keyof typeof ways;
type Json = Record<string, unknown>;
interface Asked {
  id: number;
  token: unknown;
}

const message = (rest: Json) => JSON.stringify({ jsonrpc: '2.0', ...rest });
const note = (method: string, params: Json) => message({ method, params });
/** As much as a key, a URI or a name may be without being passed over for its length alone. */
const short = (text: string) => text.slice(0, 4000);

/** JSON texts in the order in which they are said; a plain answer follows them, which counts where none of them is one. */
const ways = {
  text: (text: string, { id }: Asked) => [message({ id, result: { content: [{ type: 'text', text }] } })],
  members: (text: string, { id }: Asked) => [
    message({
      id,
      result: { content: [], [short(text)]: 1, structuredContent: { [short(text)]: text }, _meta: { [short(text)]: short(text) } },
    }),
  ],
  links: (text: string, { id }: Asked) => [
    message({
      id,
      result: {
        content: Array.from({ length: Math.min(1000, text.length) }, (_, at) => ({
          type: 'resource_link',
          name: 'x',
          uri: `x://${text.slice(at, at + 1000)}`,
        })),
      },
    }),
  ],
  /** The text stands where values of a list do, so it is one message only where it is made of values. */
  values: (text: string, { id }: Asked) => [`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"x":[${text}0]}}}`],
  'values outside': (text: string, { id }: Asked) => [`{"jsonrpc":"2.0","id":${id},"result":{"content":[],"x":[${text}0]}}`],
  nested: (text: string, { id }: Asked) => [
    `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"x":${'{"a":['.repeat(250)}${JSON.stringify(text)}${']}'.repeat(250)}}}`,
  ],
  error: (text: string, { id }: Asked) => [message({ id, error: { code: -32000, message: text, data: { [short(text)]: short(text) } } })],
  progress: (text: string, { token }: Asked) => [note('notifications/progress', { progressToken: token, progress: 1, message: text })],
  'many messages': (text: string, { token }: Asked) =>
    Array.from({ length: 5000 }, (_, at) =>
      note('notifications/progress', { progressToken: token, progress: at, message: text.slice(0, 100) }),
    ),
  log: (text: string) => [note('notifications/message', { level: 'error', logger: short(text), data: text })],
  updated: (text: string) => [
    note('notifications/resources/updated', { uri: `x://${short(text)}` }),
    note('notifications/resources/updated', { uri: text }),
  ],
  question: (text: string) => [
    message({
      id: short(text),
      method: 'elicitation/create',
      params: { message: text, requestedSchema: { type: 'object', properties: {} } },
    }),
    note('notifications/cancelled', { requestId: short(text), reason: text }),
  ],
  unknown: (text: string) => [message({ method: text, params: { x: short(text) } }), message({ id: text, method: 'x', params: {} })],
  foreign: (text: string) => [message({ id: text, result: { content: [] } })],
  /** No message at all. */
  noise: (text: string) => [text],
  /** Where there is standard error, it goes there, without a line's end. */
  stderr: () => [],
  /** Where there are headers. */
  headers: () => [],
  refusal: () => [],
  /** Where there is a stream: fields of every kind, each byte by itself. */
  bytes: () => [],
  fields: () => [],
};

export const sayings = (wish: Wish, asked: Asked): { text: string; messages: string[] } => {
  const text = textOf(wish.recipe);
  return { text, messages: Object.hasOwn(ways, wish.way) ? ways[wish.way](text, asked) : [] };
};

export const plainAnswer = (id: number): string => message({ id, result: { content: [{ type: 'text', text: 'said' }] } });

/** The handshakes of both eras. Undefined: it is no part of one. */
export function greeting(
  { id, method, params }: { id?: number; method?: string; params?: Json },
  era: string,
  about: Json,
): string | undefined {
  const refuse = (code: number) => message({ id, error: { code, message: 'no' } });
  const capabilities = { tools: {}, logging: {}, resources: { subscribe: true } };
  if (method === 'server/discover')
    return era === 'modern' ? message({ id, result: { supportedVersions: ['2026-07-28'], capabilities, ...about } }) : refuse(-32601);
  if (method === 'initialize')
    return era === 'modern'
      ? refuse(-32022)
      : message({
          id,
          result: { protocolVersion: params?.['protocolVersion'], capabilities, serverInfo: { name: 'hostile', version: '1' }, ...about },
        });
  return method !== undefined && method !== 'tools/call' && id !== undefined ? message({ id, result: {} }) : undefined;
}
