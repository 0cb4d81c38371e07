import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Core } from '../app/core.ts';
import { type ErrorCode, Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { replyServer } from '../base/reply.ts';
import { Unread, type UnreadLimits } from '../base/unread.ts';
import { type RendererFile, rendererHeaders, safeHeaders, unbuilt } from '../shell/renderer-files.ts';
import { watchNewest } from '../shell/watch-newest.ts';
import { jsonBody, refusal } from './web-guard.ts';
import { openSessions } from './web-session.ts';

const callLimit = 1024 * 1024;
const mostWatchers = 32;

export interface Web {
  readonly port: number;
  /** With the launch token in the fragment: show it to the person only. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The window's server: the built renderer, and the contract over POST /call and SSE GET /watch for a browser that exchanged the launch token
 * at POST /session. Only the address 127.0.0.1, never a CORS header: no other page has business here.
 */
export async function openWeb(options: {
  core: Pick<Core, 'dispatch' | 'watch'>;
  port: number;
  token: string;
  files: Map<string, RendererFile>;
  log: Log;
  /** Absent: `unreadLimits`. */
  unread?: UnreadLimits;
}): Promise<Web> {
  const { core, token, files, log } = options;
  const sessions = openSessions(token);
  let port = options.port;
  let watchers = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const api = path === '/session' || path === '/call' || path === '/watch';
    const refused = refusal(request, port, api);
    if (refused !== undefined) return fail(response, 403, 'denied', `This address answers only its own window (${refused}).`);
    if (!api) return page(request, response, path);
    if (path !== '/session' && !sessions.has(request)) {
      return fail(
        response,
        401,
        'signed-out',
        'This browser has no access to Gatehouse.',
        'Run `gatehouse open` in a terminal to open the window again.',
      );
    }
    if (path === '/watch') return request.method === 'GET' ? watch(response) : only(request, response, 'GET', 'HEAD');
    if (request.method !== 'POST') return only(request, response, 'POST');
    const body = await jsonBody(request, path === '/call' ? callLimit : 4096);
    if ('status' in body) return refuseBody(response, body.status);
    return path === '/session' ? session(response, body.value) : call(response, body.value);
  }

  function session(response: ServerResponse, value: unknown) {
    const credentials = sessions.exchange((value as { token?: unknown } | null)?.token);
    if (credentials === undefined)
      return fail(response, 401, 'signed-out', 'That is not the launch token of this host.', 'Run `gatehouse open` for a new link.');
    send(response, 200, { key: credentials.key }, { 'set-cookie': credentials.cookie });
  }

  async function call(response: ServerResponse, value: unknown): Promise<void> {
    const { command, input } = (value ?? {}) as { command?: unknown; input?: unknown };
    if (typeof command !== 'string') return fail(response, 400, 'bad-input', 'The request names no command.');
    // A refusal by the core is an answer like any other: 200, and the error as a value.
    send(response, 200, await core.dispatch(command, input ?? {}));
  }

  function watch(response: ServerResponse) {
    if (watchers >= mostWatchers) return fail(response, 503, 'unavailable', 'Too many windows are open.', 'Close some of them.');
    watchers += 1;
    response.writeHead(200, { ...safeHeaders, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const stop = watchNewest(
      core,
      (view) => response.write(`data: ${JSON.stringify(view)}\n\n`),
      (go) => response.once('drain', go),
    );
    const beat = setInterval(() => response.write(': here\n\n'), 15_000);
    response.on('close', () => {
      watchers -= 1;
      clearInterval(beat);
      stop();
    });
  }

  function page(request: IncomingMessage, response: ServerResponse, path: string) {
    if (request.method !== 'GET' && request.method !== 'HEAD') return only(request, response, 'GET', 'HEAD');
    const file = files.get(path) ?? (path === '/' ? unbuilt : undefined);
    if (file === undefined) return fail(response, 404, 'not-found', 'There is nothing at this address.');
    response.writeHead(200, { ...rendererHeaders(file, "'self'"), 'content-length': file.body.length });
    response.end(request.method === 'HEAD' ? undefined : file.body);
  }

  const unread = new Unread(options.unread, ({ bytes, why }) => log.warn({ bytes }, `a connection of the window was cut: it ${why}`));
  const server = replyServer({ requestTimeout: 30_000, headersTimeout: 10_000, maxHeaderSize: 16_384 }, unread, (request, response) => {
    handle(request, response).catch((error: unknown) => {
      log.error({ error: String(error) }, 'a request of the window failed');
      if (response.headersSent) response.destroy();
      else fail(response, 500, 'internal', 'Something went wrong inside Gatehouse.', 'See the log file, then try again.');
    });
  });
  server.maxConnections = 256;
  await listen(server, port);
  port = (server.address() as AddressInfo).port;
  return {
    port,
    url: `http://127.0.0.1:${port}/#token=${token}`,
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done()));
      server.closeAllConnections();
      await closed;
      unread.close();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      fail(
        cause.code === 'EADDRINUSE'
          ? new Failure(
              'conflict',
              `Port ${port} for the window is taken by another program.`,
              'Choose another with --ui-port PORT, or end that program.',
              { cause },
            )
          : new Failure(
              'unavailable',
              `The window's server cannot listen on port ${port}: ${cause.message}.`,
              'Choose another with --ui-port PORT.',
              { cause },
            ),
      ),
    );
    server.listen(port, '127.0.0.1', done);
  });
}

function send(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    ...safeHeaders,
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': body.length,
    ...headers,
  });
  response.end(body);
}

/** Not of a Reply's shape on purpose: the window tells "the carrier refused" from "the core refused" by it. */
function fail(response: ServerResponse, status: number, code: ErrorCode, message: string, fix?: string): void {
  // What a refused request still sends is not read: the connection ends with the answer.
  send(
    response,
    status,
    { error: { code, message, ...(fix === undefined ? {} : { fix }) } },
    status === 413 ? { connection: 'close' } : {},
  );
}

function only(request: IncomingMessage, response: ServerResponse, ...methods: string[]): void {
  if (request.method === 'HEAD' && methods.includes('HEAD'))
    return void response.writeHead(200, { ...safeHeaders, 'cache-control': 'no-store' }).end();
  response.setHeader('allow', methods.join(', '));
  fail(response, 405, 'bad-input', `Only ${methods.join(' and ')} is answered here.`);
}

function refuseBody(response: ServerResponse, status: 400 | 413 | 415): void {
  const why = { 400: 'The body is not JSON.', 413: 'The body is too large.', 415: 'Only application/json is taken.' }[status];
  fail(response, status, 'bad-input', why);
}
