import http from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;
interface Asked {
  id?: string | number;
  method: string;
  params: Json;
}
/** What a test's server does with one request: the result, an error, or anything by hand on the response. */
type Handler = (
  asked: Asked,
  context: { headers: http.IncomingHttpHeaders; response: http.ServerResponse; notify: (method: string, params: Json) => void },
) => unknown;

/** A legacy-era MCP server in a few lines that answers exactly what the test says, unknown fields included; it counts what reached it. */
export async function openRpcServer(handlers: Record<string, Handler>) {
  const seen: Asked[] = [];
  const server = http.createServer((request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const asked = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Asked;
      if (asked.method === undefined) return void response.writeHead(202).end();
      if (asked.method !== 'initialize' && asked.method !== 'notifications/initialized') seen.push(asked);
      if (asked.id === undefined) return void response.writeHead(202).end();
      if (asked.method === 'server/discover') return answer({ error: { code: -32601, message: 'Method not found' } });
      if (asked.method === 'initialize')
        return answer({
          result: {
            protocolVersion: asked.params['protocolVersion'],
            capabilities: { tools: {} },
            serverInfo: { name: 'rpc', version: '1' },
          },
        });
      const notify = (method: string, params: Json) => {
        if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`);
      };
      const outcome = await handlers[asked.method]?.(asked, { headers: request.headers, response, notify });
      if (outcome === undefined) return;
      answer(outcome as Json);
      function answer(body: Json) {
        const text = JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...('result' in body || 'error' in body ? body : { result: body }) });
        if (response.headersSent) response.end(`data: ${text}\n\n`);
        else
          response
            .writeHead(200, { 'content-type': 'application/json', ...(asked.method === 'initialize' ? { 'mcp-session-id': 's1' } : {}) })
            .end(text);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
