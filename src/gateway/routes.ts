import type { IncomingMessage } from 'node:http';
import type { Reply } from '../base/reply.ts';
import { addressAt, merged } from './catalogue/address.ts';
import { health } from './http/health.ts';
import { resourceMetadata, wellKnown } from './http/resource-metadata.ts';
import { type Endpoint, mcp } from './wire/endpoint.ts';

/** One endpoint: answers a request whose path is its own. */
export type Route = (path: string) => ((request: IncomingMessage, response: Reply) => void | Promise<void>) | undefined;

/** All endpoints on the gateway's port; the first that knows the path answers. Those that need a credential check it themselves. `other`: what others have there. */
export const routes = (endpoint: Endpoint, other: Route = () => undefined): readonly Route[] => [
  (path) => (path === '/health' ? health : undefined),
  (path) => {
    const resource = path.startsWith(wellKnown) ? path.slice(wellKnown.length) || merged.path : undefined;
    if (resource === undefined || !addressAt(resource)) return undefined;
    return (request, response) => resourceMetadata(resource, request.headers.host!, response);
  },
  (path) => {
    const address = addressAt(path);
    return address && ((request, response) => mcp(endpoint, address, request, response));
  },
  other,
];
