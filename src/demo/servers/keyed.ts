import { timingSafeEqual } from 'node:crypto';
import type { Site } from './site.ts';

/** A site that wants a key of its own in a header, as services outside of a company do, and knows nothing of its identity provider. */
export function keyed(site: Site, header: string, key: string): Site {
  const expected = Buffer.from(key);
  return {
    async handle(request, response) {
      const given = Buffer.from(String(request.headers[header] ?? ''));
      if (given.length === expected.length && timingSafeEqual(given, expected)) return site.handle(request, response);
      response.writeHead(401, { 'content-type': 'text/plain' }).end(`The header ${header} is missing or wrong.\n`);
    },
    close: () => site.close(),
  };
}
