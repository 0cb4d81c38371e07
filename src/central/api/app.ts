import { Hono, type MiddlewareHandler } from 'hono';
import { Failure } from '../../base/errors.ts';
import { statusOf } from '../publish/publisher.ts';
import { bundleRoutes } from './bundle-routes.ts';
import { pathOf, sendError, sendJson } from './http.ts';
import { intakeRoutes } from './intake-routes.ts';
import { Refusal } from './refusal.ts';
import { registryRoutes } from './registry-routes.ts';
import type { Env, Services } from './services.ts';

/** The routes of central-api.openapi.yaml as one Hono app. */
export function openApp(services: Services): Hono<Env> {
  const { publisher, streams, tokens, log } = services;
  const signedIn: MiddlewareHandler<Env> = async (c, next) => {
    const caller = await tokens().verify(c.env.incoming.headers.authorization);
    // Unread answers are counted by person.
    c.env.outgoing.reader = caller.sub;
    c.set('caller', caller);
    await next();
  };
  // The path as it was sent: Hono's own is decoded, so `/v1/x/../bundle` and `%2F` would match routes that they do not name.
  const app = new Hono<Env>({ getPath: (_request, options) => pathOf(options!.env!.incoming) });
  app.onError((error, c) => sendError(c.env.outgoing, error, log));
  app.notFound((c) => {
    const allowed = ['POST', 'GET', 'OPTIONS'].filter((method) => app.router.match(method, c.req.path)[0].length > 0);
    if (allowed.length === 0) throw noRoute();
    throw new Refusal(405, 'bad-input', `${c.req.method} is not allowed here.`, `Use ${allowed.join(' or ')}.`, {
      headers: { Allow: allowed.join(', ') },
    });
  });
  // For whoever runs the service: this one request, and nothing else at its path.
  app.all('/health', (c) => {
    const { method, url } = c.env.incoming;
    if (method !== 'GET' || url !== '/health') throw noRoute();
    const problems = publisher.problems();
    const { version } = publisher.current();
    return sendJson(c.env.outgoing, 200, { status: statusOf(problems), version, streams: streams.count(), problems });
  });
  app.route('/', bundleRoutes(services, signedIn));
  app.route('/', intakeRoutes(services, signedIn));
  app.route('/', registryRoutes(services, signedIn));
  return app;
}

export const noRoute = () => new Failure('not-found', 'There is no such route.', 'The routes are listed in central-api.openapi.yaml.');
