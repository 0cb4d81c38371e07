import type { ServerResponse } from 'node:http';

/** Plain HTTP errors, before there is a JSON-RPC message to answer. `message` says what to do next. */
export function refuseHttp(
  response: ServerResponse,
  status: number,
  error: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const body = JSON.stringify({ error, message });
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}
