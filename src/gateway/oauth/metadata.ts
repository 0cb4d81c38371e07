import type { IncomingMessage, ServerResponse } from 'node:http';
import { addressAt } from '../catalogue/address.ts';
import { refuseHttp } from '../http/refuse.ts';

const wellKnown = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'];

/**
 * Where clients look for RFC 8414 metadata: at the root, as our issuer has no path. Some look behind the path of the address, before it, or where OpenID
 * Connect has it, and take what is there. No other issuer is named anywhere, so none of these can be taken for one.
 */
export function isMetadataPath(path: string): boolean {
  for (const prefix of wellKnown) {
    if (path === prefix) return true;
    if (path.startsWith(`${prefix}/`)) return addressAt(path.slice(prefix.length)) !== undefined;
    if (path.endsWith(prefix)) return addressAt(path.slice(0, -prefix.length)) !== undefined;
  }
  return false;
}

/** Issuer and endpoints in the spelling of the Host that was asked: agents compare texts, and `localhost` is not 127.0.0.1 to them. */
export function serverMetadata(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuseHttp(response, 405, 'method_not_allowed', 'Send GET.', { allow: 'GET, HEAD' });
  const issuer = `http://${request.headers.host!}`;
  const body = JSON.stringify({
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    revocation_endpoint: `${issuer}/revoke`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    scopes_supported: ['mcp'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
  });
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'cache-control': 'no-store' })
    .end(request.method === 'HEAD' ? undefined : body);
}
