import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Site } from './site.ts';

/** A site that takes only access tokens of `issuer` for `audience` (RFC 9068), whose subject is the person who calls. */
/** `metadata`: where the site says who issues them (RFC 9728), for clients that do not know. */
export function guarded(site: Site, { issuer, audience, metadata }: { issuer: string; audience: string; metadata?: string }): Site {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  return {
    async handle(request, response) {
      const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (token !== undefined && (await takes(token))) return site.handle(request, response);
      const said = [
        ...(token === undefined ? [] : ['error="invalid_token"']),
        ...(metadata === undefined ? [] : [`resource_metadata="${metadata}"`]),
      ].join(', ');
      response.writeHead(401, { 'www-authenticate': `Bearer ${said}`.trim(), 'content-length': 0 }).end();
    },
    close: () => site.close(),
  };

  async function takes(token: string): Promise<boolean> {
    return jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }).then(
      () => true,
      () => false,
    );
  }
}
