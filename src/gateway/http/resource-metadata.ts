import type { ServerResponse } from 'node:http';
import { refuseHttp } from './refuse.ts';

export const wellKnown = '/.well-known/oauth-protected-resource';

/** RFC 9728. It names no authorization server: agents get their credential from the person, who makes it in Gatehouse. */
export function resourceMetadata(resource: string, host: string, response: ServerResponse): void {
  const body = JSON.stringify({ resource: `http://${host}${resource}`, resource_name: 'Gatehouse', bearer_methods_supported: ['header'] });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}

/** RFC 6750: no `error` where no credential was presented. Absolute, in the spelling of the Host that was asked: agents compare. */
export function challenge(path: string, host: string, presented: boolean, response: ServerResponse): void {
  const about = `resource_metadata="http://${host}${wellKnown}${path}"`;
  refuseHttp(
    response,
    401,
    presented ? 'invalid_token' : 'unauthorized',
    'Agents need a credential here. Make one with "gatehouse agents add NAME" or in the Gatehouse window, and send it as Authorization: Bearer TOKEN.',
    { 'www-authenticate': presented ? `Bearer error="invalid_token", ${about}` : `Bearer ${about}` },
  );
}
