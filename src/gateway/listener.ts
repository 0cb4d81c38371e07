import type { IncomingMessage } from 'node:http';
import type { Log } from '../base/log.ts';
import type { Reply } from '../base/reply.ts';
import { guard } from './http/guard.ts';
import { refuseHttp } from './http/refuse.ts';
import type { Route } from './routes.ts';
import { pathOf } from './wire/endpoint.ts';

/** The guard, then the routes: nothing is looked at before the step ahead of it has let the request pass. */
export function listener(at: { port(): number; routes: readonly Route[]; log: Log }): (request: IncomingMessage, response: Reply) => void {
  return async (request, response) => {
    try {
      await handle(at, request, response);
    } catch (error) {
      at.log.error({ err: error }, 'a request failed inside the gateway');
      refuseHttp(response, 500, 'internal', 'Something went wrong inside Gatehouse. See its log file.');
    }
  };
}

function handle(at: Parameters<typeof listener>[0], request: IncomingMessage, response: Reply): Promise<void> | void {
  const forbidden = guard(request.headers, at.port());
  if (forbidden) return refuseHttp(response, 403, 'forbidden', forbidden);
  const path = pathOf(request);
  for (const route of at.routes) {
    const answer = route(path);
    if (answer) return answer(request, response);
  }
  refuseHttp(response, 404, 'not_found', 'Agents connect to /mcp (all servers) or /mcp/s/SERVER (one server).');
}
