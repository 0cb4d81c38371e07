import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuseHttp } from './refuse.ts';

/** Says that the gateway runs, and nothing else: anybody on this machine may ask. */
export function health(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuseHttp(response, 405, 'method_not_allowed', 'Send GET.', { allow: 'GET, HEAD' });
  const body = '{"status":"ok"}';
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    .end(request.method === 'HEAD' ? undefined : body);
}
