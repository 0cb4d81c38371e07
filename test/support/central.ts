import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Bootstrap, Bundle } from '../../src/bundle/schema.ts';

/** A signing key of a central API, as jose makes them. */
export async function signingKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('Ed25519', { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid } as JWK & { kty: string; kid: string };
  return {
    jwk,
    sign: (payload: unknown, header: Record<string, unknown> = {}) =>
      new CompactSign(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'Ed25519', typ: 'gatehouse-bundle+jws', kid, ...header })
        .sign(privateKey),
  };
}
export type SigningKey = Awaited<ReturnType<typeof signingKey>>;

export const company = { id: 'example', name: 'Example Ltd' };
const iso = (ms: number) => new Date(ms).toISOString();

/** A bundle without servers, fresh for an hour and valid for two from `issuedAt` on. */
export function smallBundle(version: number, options: Partial<Bundle> & { at?: number } = {}): Bundle {
  const { at = Date.now(), ...over } = options;
  return {
    format: 1,
    company,
    version,
    groups: ['staff'],
    issuedAt: iso(at),
    staleAfter: iso(at + 3_600_000),
    notAfter: iso(at + 7_200_000),
    servers: [],
    policies: [],
    limits: { concurrentCalls: 64, callsPerMinute: 0 },
    clients: [],
    ...over,
  };
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => unknown;

/**
 * A central API of which each answer can be bent: real HTTP on a free loopback port. `answers` overrides a route, such as
 * `GET /v1/bundle`; without it the route does what the contract says.
 */
export async function smallCentral(options: { key?: SigningKey; port?: number } = {}) {
  const key = options.key ?? (await signingKey('k1'));
  const streams = new Set<ServerResponse>();
  const seen: { route: string; headers: IncomingMessage['headers']; body: string; status: number }[] = [];
  const waiting: { route: string; count: number; resolve: () => void }[] = [];
  const central = {
    url: '',
    port: 0,
    key,
    keys: [key.jwk] as Bootstrap['bundle_jwks']['keys'],
    /** What /v1/bundle serves; undefined: 503. */
    jws: undefined as string | undefined,
    etag: undefined as string | undefined,
    /** Tokens that are let in. */
    tokens: new Set(['t1']),
    answers: new Map<string, Answer>(),
    seen,
    streams,
    count: (route: string) => seen.filter((request) => request.route === route).length,
    /** Resolves when that route has been asked so many times in all. */
    async asked(route: string, count: number): Promise<void> {
      if (central.count(route) >= count) return;
      await new Promise<void>((resolve) => waiting.push({ route, count, resolve }));
    },
    async publish(bundle: unknown, header: Record<string, unknown> = {}) {
      central.jws = await key.sign(bundle, header);
      central.etag = `"${central.jws.slice(-20)}"`;
    },
    announce(version: number) {
      for (const stream of streams) stream.write(`event: bundle\ndata: ${JSON.stringify({ version })}\n\n`);
    },
    bootstrap(): Bootstrap {
      const at = (path: string) => central.url + path;
      return {
        company,
        issuer: `${central.url}/oidc`,
        client_id: 'desktop',
        scopes: ['openid'],
        resource: central.url,
        send_resource: true,
        groups_claim: 'groups',
        endpoints: {
          bundle: at('/v1/bundle'),
          events: at('/v1/events'),
          ledger: at('/v1/ledger'),
          receipts: at('/v1/receipts'),
          requests: at('/v1/requests'),
          registry: at('/v0.1/servers'),
        },
        bundle_jwks: { keys: central.keys },
      };
    },
    async close() {
      const done = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await done;
    },
  };
  const json = (response: ServerResponse, status: number, value: unknown) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

  const usual: Record<string, Answer> = {
    'GET /.well-known/gatehouse-configuration': (_, response) => json(response, 200, central.bootstrap()),
    'GET /v1/bundle': (request, response) => {
      if (central.jws === undefined) return json(response, 503, { message: 'nothing published' });
      const headers = { 'content-type': 'application/jose', etag: central.etag! };
      if (request.headers['if-none-match'] === central.etag) return response.writeHead(304, headers).end();
      return response.writeHead(200, headers).end(central.jws);
    },
    'GET /v1/events': (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\n');
      streams.add(response);
      response.on('close', () => streams.delete(response));
    },
    'POST /v1/receipts': (_, response) => response.writeHead(204).end(),
    'POST /v1/requests': (_, response) => json(response, 201, { id: 'r-1' }),
  };
  const server = createServer(async (request, response) => {
    const route = `${request.method} ${request.url}`;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const entry = { route, headers: request.headers, body, status: 0 };
    seen.push(entry);
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (!route.includes('.well-known') && !central.tokens.has(token)) json(response, 401, { message: 'token expired' });
    else (central.answers.get(route) ?? usual[route] ?? ((_, gone) => json(gone, 404, {})))(request, response, body);
    entry.status = response.statusCode;
    for (const waiter of waiting.splice(0)) {
      if (central.count(waiter.route) >= waiter.count) waiter.resolve();
      else waiting.push(waiter);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  central.port = (server.address() as AddressInfo).port;
  central.url = `http://127.0.0.1:${central.port}`;
  return central;
}
export type SmallCentral = Awaited<ReturnType<typeof smallCentral>>;
