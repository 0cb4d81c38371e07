import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono, type MiddlewareHandler } from 'hono';
import type { Bootstrap } from '../../bundle/schema.ts';
import { acceptsGzip, matchesTag, sendJson } from './http.ts';
import type { Env, Services } from './services.ts';

/** What an app must know before sign-in, the bundle, and the stream that announces newer ones. */
export function bundleRoutes({ url, signer, publisher, bundles, streams }: Services, signedIn: MiddlewareHandler<Env>): Hono<Env> {
  const app = new Hono<Env>();

  app.get('/.well-known/gatehouse-configuration', (c) => {
    const { company, identity } = publisher.current().company;
    const { required_scope, send_resource = true, ...rest } = identity;
    const at = (path: string) => url + path;
    const document: Bootstrap = {
      company,
      ...rest,
      send_resource,
      endpoints: {
        bundle: at('/v1/bundle'),
        events: at('/v1/events'),
        ledger: at('/v1/ledger'),
        receipts: at('/v1/receipts'),
        requests: at('/v1/requests'),
        registry: at('/v0.1/servers'),
      },
      bundle_jwks: signer.jwks,
    };
    return sendJson(c.env.outgoing, 200, document, { 'Cache-Control': 'public, max-age=60' });
  });

  app.get('/v1/bundle', signedIn, async (c) => {
    const bundle = await bundles.signed(c.get('caller').groups);
    const asked = c.env.incoming.headers;
    const gzip = acceptsGzip(asked['accept-encoding']);
    const tags = [bundle.etag, `${bundle.etag}-gz`];
    const headers = { ETag: `"${tags[gzip ? 1 : 0]}"`, 'Cache-Control': 'private, no-cache', Vary: 'Authorization, Accept-Encoding' };
    if (matchesTag(asked['if-none-match'], tags)) return c.body(null, 304, headers);
    const body = gzip ? bundle.gzip : bundle.jws;
    const encoding = gzip ? { 'Content-Encoding': 'gzip' } : {};
    // Past Hono: its Response would copy the bundle for each laptop that fetches it.
    c.env.outgoing.writeHead(200, { ...headers, ...encoding, 'Content-Type': 'application/jose', 'Content-Length': body.length }).end(body);
    return RESPONSE_ALREADY_SENT;
  });

  app.get('/v1/events', signedIn, (c) => {
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' });
    streams.open(c.env.outgoing, c.get('caller'), publisher.current().version);
    return RESPONSE_ALREADY_SENT;
  });

  return app;
}
