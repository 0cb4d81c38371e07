import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuseHttp } from './refuse.ts';

export const wellKnown = '/.well-known/oauth-protected-resource';

/** RFC 9728. The authorization server is our own, in the spelling of the Host that was asked. */
export function resourceMetadata(resource: string, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuseHttp(response, 405, 'method_not_allowed', 'Send GET.', { allow: 'GET, HEAD' });
  const origin = `http://${request.headers.host!}`;
  const body = JSON.stringify({
    resource: `${origin}${resource}`,
    resource_name: 'Gatehouse',
    authorization_servers: [origin],
    scopes_supported: ['mcp'],
    bearer_methods_supported: ['header'],
  });
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(request.method === 'HEAD' ? undefined : body);
}

/** RFC 6750: no `error` where no credential was presented. Absolute, in the spelling of the Host that was asked: agents compare. */
export function challenge(path: string, host: string, presented: boolean, response: ServerResponse): void {
  const about = `resource_metadata="http://${host}${wellKnown}${path}"`;
  refuseHttp(
    response,
    401,
    presented ? 'invalid_token' : 'unauthorized',
    'Agents sign in here with OAuth, or have a token from "gatehouse agents add NAME" or the Gatehouse window and send it as Authorization: Bearer TOKEN.',
    { 'www-authenticate': presented ? `Bearer error="invalid_token", ${about}` : `Bearer ${about}` },
  );
}
