import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Reply } from '../../base/reply.ts';
import type { Bootstrap } from '../../bundle/schema.ts';
import type { Bundles } from '../publish/bundles.ts';
import type { Signer } from '../publish/signing-key.ts';
import type { CentralStore, Published, RegistryTimes } from '../store/store.ts';
import type { Streams } from './events.ts';
import { acceptsGzip, matchesTag, parseJson, readBody, readJson, sendJson } from './http.ts';
import { ledgerHead, ledgerUpload, takeLedger, type UploadedRecord } from './intake.ts';
import { notProven, provenDevice } from './proof.ts';
import { checkReceipt, receipt } from './receipt.ts';
import { Refusal } from './refusal.ts';
import { getVersion, listServers, listVersions, registryView } from './registry.ts';
import type { Caller } from './tokens.ts';

/** All that a route may use. */
export interface RouteContext {
  request: IncomingMessage;
  response: Reply;
  params: string[];
  query: URLSearchParams;
  url: string;
  published: Published;
  store: CentralStore;
  signer: Signer;
  bundles: Bundles;
  streams: Streams;
  registryTimes: ReadonlyMap<string, RegistryTimes>;
  now: () => number;
  log: Log;
  hashRecord(record: UploadedRecord): string;
}
type Signed = RouteContext & { caller: Caller };

type Route = { method: string; path: string; headers?: Record<string, string> } & (
  | { open: true; handle(context: RouteContext): Promise<void> | void }
  | { open?: false; handle(context: Signed): Promise<void> | void }
);

// Registry clients in browsers and editors read from any origin; the bearer token, not the origin, is what lets them.
const cors = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, OPTIONS',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type',
};
const mib = 1024 * 1024;
const mostOpenRequests = 100;

const request = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('access'),
    server: z.string().min(1).max(64),
    tool: z.string().max(256).optional(),
    reason: z.string().min(1).max(2000),
  }),
  z.looseObject({
    kind: z.literal('server'),
    name: z.string().min(1).max(200),
    url: z.string().max(2000).optional(),
    reason: z.string().min(1).max(2000),
  }),
]);

const preflight = (path: string): Route => ({
  method: 'OPTIONS',
  path,
  headers: cors,
  open: true,
  handle: ({ response }) => void response.writeHead(204, { 'Access-Control-Max-Age': '86400' }).end(),
});

const routes: Route[] = [
  {
    method: 'GET',
    path: '/.well-known/gatehouse-configuration',
    open: true,
    handle: ({ response, url, signer, published: { company } }) => {
      const { required_scope, ...identity } = company.identity;
      const at = (path: string) => url + path;
      const document: Bootstrap = {
        company: company.company,
        ...identity,
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
      sendJson(response, 200, document, { 'Cache-Control': 'public, max-age=60' });
    },
  },
  {
    method: 'GET',
    path: '/v1/bundle',
    async handle({ request, response, bundles, caller }) {
      const found = await bundles.signed(caller.groups);
      const gzip = acceptsGzip(request.headers['accept-encoding']);
      const tags = [found.etag, `${found.etag}-gz`];
      const headers = { ETag: `"${tags[gzip ? 1 : 0]}"`, 'Cache-Control': 'private, no-cache', Vary: 'Authorization, Accept-Encoding' };
      if (matchesTag(request.headers['if-none-match'], tags)) {
        response.writeHead(304, headers).end();
        return;
      }
      const body = gzip ? found.gzip : found.jws;
      const encoding = gzip ? { 'Content-Encoding': 'gzip' } : {};
      response.writeHead(200, { ...headers, ...encoding, 'Content-Type': 'application/jose', 'Content-Length': body.length }).end(body);
    },
  },
  {
    method: 'GET',
    path: '/v1/events',
    handle: ({ request, response, streams, caller, published }) => {
      if (request.method === 'HEAD') response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end();
      else streams.open(response, caller, published.version);
    },
  },
  {
    method: 'POST',
    path: '/v1/receipts',
    async handle({ request, response, store, caller, now, url }) {
      const body = await readJson(request, receipt, mib / 16);
      await checkReceipt(body, { audience: `${url}/v1/receipts`, person: caller.sub });
      store.enrol(body.device, caller.sub, iso(now));
      store.addReceipt(caller.sub, body, body, iso(now));
      response.writeHead(204).end();
    },
  },
  {
    method: 'POST',
    path: '/v1/ledger',
    async handle(context) {
      const { request, response, store, caller, now, hashRecord, log } = context;
      const body = await readBody(request, 16 * mib);
      const device = await deviceOf(context, body);
      const upload = parseJson(body, ledgerUpload);
      if (upload.device !== device) throw notProven();
      const result = takeLedger(store, caller.sub, upload, hashRecord, iso(now), (incident) =>
        log.warn(incident, 'an incident with the ledger of a device'),
      );
      if ('acknowledged' in result) return sendJson(response, 200, result);
      const { expected, hash, message } = result;
      throw new Refusal(409, 'conflict', message, `Send the records from ${expected} on.`, {
        extra: { expected, ...(hash === undefined ? {} : { hash }) },
      });
    },
  },
  {
    method: 'GET',
    path: '/v1/ledger',
    async handle(context) {
      const head = ledgerHead(context.store, await deviceOf(context, Buffer.alloc(0)));
      sendJson(context.response, 200, { head: head ?? null });
    },
  },
  {
    method: 'POST',
    path: '/v1/requests',
    async handle({ request: message, response, store, caller, now }) {
      const body = await readJson(message, request, mib / 16);
      const id = store.addRequest(caller.sub, body.kind, body, iso(now), mostOpenRequests);
      if (id === undefined)
        throw new Failure('conflict', `You have ${mostOpenRequests} open requests.`, 'Wait until some of them were answered.');
      sendJson(response, 201, { id, status: 'open' });
    },
  },
  {
    method: 'GET',
    path: '/v0.1/servers',
    headers: cors,
    handle: async (context) => sendJson(context.response, 200, listServers(await view(context), context.query), registryHeaders),
  },
  {
    method: 'GET',
    path: '/v0.1/servers/*/versions',
    headers: cors,
    handle: async (context) => sendJson(context.response, 200, listVersions(await view(context), context.params[0]!), registryHeaders),
  },
  {
    method: 'GET',
    path: '/v0.1/servers/*/versions/*',
    headers: cors,
    handle: async (context) =>
      sendJson(context.response, 200, getVersion(await view(context), context.params[0]!, context.params[1]!), registryHeaders),
  },
  preflight('/v0.1/servers'),
  preflight('/v0.1/servers/*/versions'),
  preflight('/v0.1/servers/*/versions/*'),
];

const registryHeaders = { 'Cache-Control': 'private, no-cache', Vary: 'Authorization' };
const iso = (now: () => number) => new Date(now()).toISOString();

const deviceOf = ({ request, url, now }: RouteContext, body: Uint8Array) =>
  provenDevice(request.headers['gatehouse-device'], {
    method: request.method ?? '',
    url: `${url}/v1/ledger`,
    authorization: request.headers.authorization,
    body,
    now: now(),
  });

async function view({ bundles, caller, published, registryTimes }: Signed) {
  return registryView(published.company, await bundles.visible(caller.groups), registryTimes);
}

/** Finds the route. Path parts are decoded one by one, after splitting, so that a server's name may hold an encoded slash. */
export function match(request: IncomingMessage): { route: Route; params: string[]; query: URLSearchParams } {
  const [path = '/', search = ''] = (request.url ?? '/').split('?', 2);
  const given = path.split('/');
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const allowed: string[] = [];
  for (const route of routes) {
    const wanted = route.path.split('/');
    if (wanted.length !== given.length || !wanted.every((part, at) => part === '*' || part === given[at])) continue;
    if (route.method !== method) {
      allowed.push(route.method);
      continue;
    }
    try {
      const params = wanted.flatMap((part, at) => (part === '*' ? [decodeURIComponent(given[at]!)] : []));
      return { route, params, query: new URLSearchParams(search) };
    } catch {
      throw new Failure('bad-input', 'The path is not well encoded.', 'Encode the name of the server as one path segment.');
    }
  }
  if (allowed.length > 0) {
    throw new Refusal(405, 'bad-input', `${request.method} is not allowed here.`, `Use ${allowed.join(' or ')}.`, {
      headers: { Allow: allowed.join(', ') },
    });
  }
  throw new Failure('not-found', 'There is no such route.', 'The routes are listed in central-api.openapi.yaml.');
}
