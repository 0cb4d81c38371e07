import type { IncomingMessage } from 'node:http';
import type { Reply } from '../base/reply.ts';
import { addressAt, merged } from './catalogue/address.ts';
import { health } from './http/health.ts';
import { resourceMetadata, wellKnown } from './http/resource-metadata.ts';
import { authorize, isAuthorizePath } from './oauth/authorize.ts';
import { posted } from './oauth/endpoints.ts';
import { isMetadataPath, serverMetadata } from './oauth/metadata.ts';
import type { SignIn } from './oauth/sign-in.ts';
import { type Endpoint, mcp } from './wire/endpoint.ts';

/** One endpoint: answers a request whose path is its own. */
export type Route = (path: string) => ((request: IncomingMessage, response: Reply) => void | Promise<void>) | undefined;

/** All endpoints on the gateway's port; the first that knows the path answers. Those that need a credential check it themselves. `other`: what others have there. */
export const routes = (endpoint: Endpoint, signIn: SignIn, other: Route = () => undefined): readonly Route[] => [
  (path) => (path === '/health' ? health : undefined),
  (path) => {
    const resource = resourceOf(path);
    return resource === undefined ? undefined : (request, response) => resourceMetadata(resource, request, response);
  },
  (path) => (isMetadataPath(path) ? serverMetadata : undefined),
  (path) => (isAuthorizePath(path) ? (request, response) => authorize(signIn, path, request, response) : undefined),
  (path) => {
    const handler = Object.hasOwn(posted, path) ? posted[path] : undefined;
    return handler && ((request, response) => handler(signIn, request, response));
  },
  (path) => {
    const address = addressAt(path);
    return address && ((request, response) => mcp(endpoint, address, request, response));
  },
  other,
];

/** The address whose metadata a path is: RFC 9728 puts the address behind the well-known part, some agents look for it before. */
function resourceOf(path: string): string | undefined {
  if (path === wellKnown) return merged.path;
  const resource = path.startsWith(wellKnown)
    ? path.slice(wellKnown.length)
    : path.endsWith(wellKnown)
      ? path.slice(0, -wellKnown.length)
      : '';
  return addressAt(resource) && resource;
}
