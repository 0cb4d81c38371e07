import type { IncomingMessage, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { z } from 'zod';
import { codes, Failure, toErrorValue } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { Refusal } from './refusal.ts';

const parts = ({ url = '/' }: IncomingMessage) => url.split('?', 2);
export const pathOf = (request: IncomingMessage): string => parts(request)[0]!;
export const queryOf = (request: IncomingMessage): URLSearchParams => new URLSearchParams(parts(request)[1]);

/** Past Hono: it would read its Response as a stream, without limits for slow readers, and HEAD would lose the length. */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(body);
  return RESPONSE_ALREADY_SENT;
}

/** Every error leaves as `{error, message, fix}`. The text of an unexpected error is logged and stays out of the answer. */
export async function sendError(response: ServerResponse, error: unknown, log: Log): Promise<Response> {
  // Until the parser has returned, `complete` is false even for a body that has arrived, or for none.
  await undefined;
  const { req: request } = response;
  const { code, message, fix } = toErrorValue(error);
  const refusal = error instanceof Refusal ? error : undefined;
  const status = refusal?.status ?? codes[code].status;
  if (!(error instanceof Failure)) log.error({ err: error, method: request.method, path: pathOf(request) }, 'a request failed');
  else if (refusal?.status === 503) log.warn({ err: error.cause, path: pathOf(request) }, error.message);
  if (response.headersSent) {
    response.destroy();
    return RESPONSE_ALREADY_SENT;
  }
  // The rest of an unread body would be taken for the next request.
  const headers = request.complete ? refusal?.headers : { ...refusal?.headers, Connection: 'close' };
  return sendJson(response, status, { error: code, message, fix: fix ?? 'Try again later.', ...refusal?.extra }, headers);
}

/** The body as JSON of the given form. */
export async function readJson<S extends z.ZodType>(request: IncomingMessage, schema: S, mostBytes: number): Promise<z.output<S>> {
  return parseJson(await readBody(request, mostBytes), schema);
}

/** The bytes of a JSON body. Size is counted while reading: Content-Length is only a promise. */
export async function readBody(request: IncomingMessage, mostBytes: number): Promise<Buffer> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new Refusal(415, 'bad-input', 'The body must be JSON.', 'Send `Content-Type: application/json`.');
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity')
    throw new Refusal(415, 'bad-input', 'Compressed bodies are not taken.', 'Send the body as it is.');
  const tooLarge = () => new Refusal(413, 'bad-input', `The body is larger than ${mostBytes} bytes.`, 'Send it in smaller parts.');
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function parseJson<S extends z.ZodType>(body: Buffer, schema: S): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new Failure('bad-input', 'The body is not JSON.', 'Send a JSON object.');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new Failure(
    'bad-input',
    `${issue.path.join('.') || 'body'}: ${issue.message}`,
    'Correct the body; the contract is central-api.openapi.yaml.',
  );
}

/** RFC 9110 section 13.1.2, weak comparison: `*`, or any of the tags. */
export function matchesTag(header: string | undefined, tags: readonly string[]): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tags.includes(tag.trim().replace(/^W\//, '').replace(/^"|"$/g, '')));
}

/** RFC 9110 section 12.5.3, as far as gzip goes: named or covered by `*`, and not with `q=0`. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const named = new Map(
    String(header ?? '')
      .split(',')
      .map((part) => {
        const [coding = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
        const quality = parameters.find((text) => text.startsWith('q='))?.slice(2);
        return [coding, quality === undefined ? 1 : Number(quality)] as const;
      }),
  );
  return (named.get('gzip') ?? named.get('*') ?? 0) > 0;
}
