import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { Failure } from '../../base/errors.ts';
import { queryOf, sendJson } from './http.ts';
import { getVersion, listServers, listVersions, registryView, type ServerResponseItem } from './registry.ts';
import type { Env, Services } from './services.ts';

// Registry clients in browsers and editors read from any origin; the bearer token, not the origin, is what lets them in.
const anyOrigin = cors({ allowMethods: ['GET', 'OPTIONS'], allowHeaders: ['Authorization', 'Content-Type'], maxAge: 86_400 });
/** Copies the headers that `cors` put on Hono's own response: answers and errors are written past that one. */
const headersToReply: MiddlewareHandler<Env> = (c, next) => {
  for (const [name, value] of c.res.headers) c.env.outgoing.setHeader(name, value);
  return next();
};
/** Refuses a path that cannot be decoded: Hono would take it as it stands. */
const wellEncoded: MiddlewareHandler<Env> = (c, next) => {
  try {
    decodeURIComponent(c.req.path);
  } catch {
    throw new Failure('bad-input', 'The path is not well encoded.', 'Encode the name of the server as one path segment.');
  }
  return next();
};
const registryHeaders = { 'Cache-Control': 'private, no-cache', Vary: 'Authorization' };

/** The generic registry API. A name is matched encoded and decoded after that, so that it may hold an encoded slash. */
export function registryRoutes({ publisher, bundles, registryTimes }: Services, signedIn: MiddlewareHandler<Env>): Hono<Env> {
  const app = new Hono<Env>();
  function route<P extends string>(path: P, answer: (all: ServerResponseItem[], c: Context<Env, P>) => unknown): void {
    app.options(path, wellEncoded, anyOrigin);
    app.get(path, wellEncoded, anyOrigin, headersToReply, signedIn, async (c) => {
      const all = registryView(publisher.current().company, await bundles.visible(c.get('caller').groups), registryTimes());
      return sendJson(c.env.outgoing, 200, answer(all, c), registryHeaders);
    });
  }
  route('/v0.1/servers', (all, c) => listServers(all, queryOf(c.env.incoming)));
  route('/v0.1/servers/:name/versions', (all, c) => listVersions(all, c.req.param('name')));
  route('/v0.1/servers/:name/versions/:version', (all, c) => getVersion(all, c.req.param('name'), c.req.param('version')));
  return app;
}
