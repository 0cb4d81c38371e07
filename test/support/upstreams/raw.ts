import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A JSON-RPC message as the server got it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into whatever was sent
export type Message = any;

export interface Got {
  method: string;
  headers: IncomingMessage['headers'];
  message: Message;
}

export interface Raw {
  url: string;
  got: Got[];
  /** The JSON-RPC methods that came by POST, and `GET` and `DELETE`, in order. */
  names(): string[];
  /** Standing streams that are open now. */
  streams: Set<ServerResponse>;
  close(): Promise<void>;
}

/** What it returns counts only where it is `false`: not mine, answer as usual. */
export type Handle = (message: Message, response: ServerResponse, request: IncomingMessage, raw: Raw) => unknown;

export const json = (response: ServerResponse, body: unknown, headers: Record<string, string> = {}, status = 200) =>
  void response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
export const sse = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });
export const event = (message: unknown, id?: string) => `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(message)}\n\n`;
export const result = (id: unknown, value: string) => ({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: value }] } });

/** A hand-written HTTP server that does exactly what a test tells it to, and remembers what it was sent. */
export async function startRaw(t: Pick<TestContext, 'after'>, handle: Handle, port = 0): Promise<Raw> {
  const got: Got[] = [];
  const server = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const message = body === '' ? undefined : JSON.parse(body);
      got.push({ method: request.method!, headers: request.headers, message });
      handle(message, response, request, raw);
    });
  });
  const raw: Raw = {
    url: '',
    got,
    names: () => got.map(({ method, message }) => message?.method ?? (message ? 'answer' : method)),
    streams: new Set(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  raw.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  t.after(() => raw.close());
  return raw;
}

/** A legacy server: handshake, sessions `s1`, `s2`..., a standing stream where `stream` says so. Anything else is `handle`'s. */
export function legacy(handle: Handle, options: { stream?: boolean; capabilities?: object; version?: string } = {}): Handle {
  let sessions = 0;
  return (message, response, request, raw) => {
    if (request.method === 'GET') {
      if (handle(message, response, request, raw) !== false) return;
      if (!options.stream) return void response.writeHead(405).end();
      sse(response).write(': hello\n\n');
      raw.streams.add(response);
      response.on('close', () => raw.streams.delete(response));
      return;
    }
    if (request.method === 'DELETE') return void response.writeHead(200).end();
    if (message.method === 'server/discover')
      return json(
        response,
        { jsonrpc: '2.0', id: message.id, error: { code: -32000, message: 'Bad Request: Server not initialized' } },
        {},
        400,
      );
    if (message.method === 'initialize')
      return json(
        response,
        {
          jsonrpc: '2.0',
          id: message.id,
          result: {
            protocolVersion: options.version ?? '2025-11-25',
            capabilities: options.capabilities ?? { tools: {}, logging: {}, resources: { subscribe: true } },
            serverInfo: { name: 'raw', version: '1' },
          },
        },
        { 'mcp-session-id': `s${++sessions}` },
      );
    if (message.id === undefined || message.method === undefined) return void response.writeHead(202).end();
    if (handle(message, response, request, raw) === false) json(response, { jsonrpc: '2.0', id: message.id, result: {} });
  };
}
