import type { ServerResponse } from 'node:http';
import { event, json, type Message, result, sse } from './raw.ts';

/** What an HTTP server can do to a call that no server should, by name. */
export const behaviours: Record<string, (message: Message, response: ServerResponse) => void> = {
  hang: () => {},
  'hang-after-head': (_message, response) => void sse(response).write(': thinking\n\n'),
  die: (_message, response) => void response.destroy(),
  'die-in-the-body': (_message, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).write('{"jsonrpc":');
    setTimeout(() => response.destroy(), 5);
  },
  'stream-ends': (_message, response) => void sse(response).end(': nothing\n\n'),
  'not-json': (_message, response) => json(response, '<html>Proxy login</html>'),
  'event-not-json': (_message, response) => void sse(response).end('data: {broken\n\n'),
  'no-object': (_message, response) => json(response, '42'),
  'wrong-id': (message, response) => json(response, result(message.id + 1, 'not yours')),
  'neither-result-nor-error': (message, response) => json(response, { jsonrpc: '2.0', id: message.id }),
  'result-no-object': (message, response) => json(response, { jsonrpc: '2.0', id: message.id, result: 'yes' }),
  empty: (_message, response) => void response.writeHead(202).end(),
  huge: (message, response) => json(response, result(message.id, 'x'.repeat(300_000))),
  'huge-event': (message, response) => void sse(response).end(event(result(message.id, 'x'.repeat(300_000)))),
  'endless-line': (_message, response) => endless(sse(response), 'x'.repeat(10_000)),
  flood: (message, response) =>
    endless(sse(response), event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: message.id, progress: 1 } })),
  redirect: (_message, response) =>
    void response.writeHead(307, { location: `http://localhost:${response.req.socket.localPort}/elsewhere` }).end(),
  unauthorized: (_message, response) => void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end(),
  forbidden: (message, response) => json(response, { jsonrpc: '2.0', id: message.id, error: { code: -32000, message: 'no' } }, {}, 403),
  broken: (_message, response) => void response.writeHead(500).end('stack trace'),
};

function endless(response: ServerResponse, chunk: string) {
  const more = () => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  more();
}
