/// <reference path="../../src/demo/oidc-provider.d.ts" />
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { createRemoteJWKSet, exportJWK, generateKeyPair, type JWTPayload, jwtVerify } from 'jose';
import { takeAssertions } from './assertion-grant.ts';

type Json = Record<string, unknown>;
type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;

async function listen(t: TestContext, handler: Handler): Promise<string> {
  const server = http.createServer((request, response) => {
    // A client that goes away in the middle of its request is no fault of the test.
    Promise.resolve(handler(request, response)).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface OAuthUpstreamOptions {
  /** Seconds that an access token lives. */
  lifetime?: number;
  /** The tools that need a scope besides `mcp`. */
  scopes?: Record<string, string>;
  /** As Entra does: a request with `resource` is refused. */
  refusesResource?: boolean;
  /** Answers instead of the server or its authorization server, by path; undefined: they answer. */
  instead?: (path: string, issuer: string, request: http.IncomingMessage, response: http.ServerResponse) => boolean | Promise<boolean>;
  /** No token is needed but for calls. */
  openLists?: boolean;
  clients?: Json[];
  /** More of the provider's own options. */
  provider?: Json;
  features?: Json;
  /** Takes the word of this identity provider for who a person is (ID-JAG, RFC 7523). */
  trusts?: () => string;
  registration?: boolean;
}

/**
 * An MCP server of both eras with an authorization server of its own (oidc-provider: PKCE, dynamic registration, refresh tokens that rotate and whose
 * reuse ends the sign-in). People sign in by one button, without a password. It writes down who called, and what came to the authorization server.
 */
export async function openOAuthUpstream(t: TestContext, options: OAuthUpstreamOptions = {}) {
  const { lifetime = 600, scopes = {} } = options;
  const library = await import('oidc-provider');
  const log: JWTPayload[] = [];
  const bearers: (string | undefined)[] = [];
  const asked: { path: string; body: URLSearchParams; status: number }[] = [];
  const state = { refuses: false, away: false };
  let serve: Handler = () => {};
  const origin = await listen(t, async (request, response) => {
    const path = new URL(request.url!, 'http://x').pathname;
    if (state.away) return void request.socket.destroy();
    if (await options.instead?.(path, origin, request, response)) return;
    await serve(request, response);
  });
  const url = `${origin}/mcp`;
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256', use: 'sig' };
  const scopeNames = ['mcp', ...new Set(Object.values(scopes))];
  const provider = new library.Provider(origin, {
    ...options.provider,
    jwks: { keys: [key] },
    clients: options.clients ?? [],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    claims: { openid: ['sub'], email: ['email'] },
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', ...scopeNames],
    findAccount: async (_context: unknown, sub: string) => ({ accountId: sub, claims: async () => ({ sub, email: `${sub}@example.com` }) }),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    rotateRefreshToken: true,
    issueRefreshToken: async (_context: unknown, client: { grantTypeAllowed(type: string): boolean }) =>
      client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async () => false,
    ttl: {
      AccessToken: lifetime,
      AuthorizationCode: 60,
      Grant: 86_400,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 86_400,
      Session: 86_400,
    },
    clientBasedCORS: () => false,
    features: {
      ...options.features,
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      registration: { enabled: options.registration !== false, initialAccessToken: false },
      revocation: { enabled: true, allowedPolicy: async () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => url,
        useGrantedResource: async () => true,
        getResourceServerInfo: async (_context: unknown, resource: string) => {
          if (resource !== url) throw new library.errors.InvalidTarget();
          return {
            scope: scopeNames.join(' '),
            audience: url,
            accessTokenTTL: lifetime,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256', kid: 'k1' } },
          };
        },
      },
    },
  });
  if (options.trusts)
    takeAssertions(library, provider, { issuer: origin, resource: url, lifetime, trusts: options.trusts, sign: { kid: 'k1', privateKey } });
  const authorize = provider.callback();
  const keys = createRemoteJWKSet(new URL(`${origin}/jwks`));

  async function interaction(request: http.IncomingMessage, response: http.ServerResponse) {
    const { params } = await provider.interactionDetails(request, response);
    if (request.method !== 'POST') {
      const buttons = ['ann', 'bob'].map((name) => `<button name="account" value="${name}">${name}</button>`).join('');
      const form = `<form method="post" action="${new URL(request.url!, origin).pathname}">${buttons}<button name="cancel" value="yes">Cancel</button></form>`;
      return void response.writeHead(200, { 'content-type': 'text/html' }).end(`<h1>Sign in</h1>${form}`);
    }
    const accountId = new URLSearchParams(await readText(request)).get('account');
    if (accountId === null)
      return provider.interactionFinished(request, response, { error: 'access_denied' }, { mergeWithLastSubmission: false });
    const grant = new provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope ?? '');
    grant.addResourceScope(url, params.scope ?? '');
    const result = { login: { accountId }, consent: { grantId: await grant.save() } };
    return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }

  serve = async (request, response) => {
    const { pathname: path, searchParams } = new URL(request.url!, origin);
    if (path === '/mcp') return resource(request, response);
    if (path === '/.well-known/oauth-protected-resource/mcp')
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ resource: url, authorization_servers: [origin], scopes_supported: ['mcp'] }));
    if (path === '/.well-known/oauth-authorization-server') request.url = '/.well-known/openid-configuration';
    if (path.startsWith('/interaction/')) return interaction(request, response);
    if (path === '/token' || path === '/token/revocation' || path === '/reg' || path === '/auth') {
      const body = request.method === 'POST' ? await readText(request) : '';
      // oidc-provider takes a body that was read before it.
      Object.assign(request, { body });
      const form = path === '/auth' ? searchParams : new URLSearchParams(body.startsWith('{') ? '' : body);
      response.once('finish', () => asked.push({ path, body: form, status: response.statusCode }));
      if (options.refusesResource && form.has('resource'))
        return void response
          .writeHead(400, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: 'invalid_target', error_description: 'AADSTS9010010' }));
    }
    return authorize(request, response);
  };

  async function resource(request: http.IncomingMessage, response: http.ServerResponse) {
    const body = await readText(request);
    const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    bearers.push(bearer);
    const { id, method, params = {} } = (body === '' ? {} : JSON.parse(body)) as { id?: number; method?: string; params?: Json };
    const about = `resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`;
    const checked =
      bearer === undefined || state.refuses
        ? undefined
        : await jwtVerify(bearer, keys, { issuer: origin, audience: url }).catch(() => undefined);
    if (!checked && !(options.openLists && method !== 'tools/call'))
      return void response
        .writeHead(401, { 'www-authenticate': `Bearer ${bearer === undefined ? '' : 'error="invalid_token", '}scope="mcp", ${about}` })
        .end();
    if (request.method !== 'POST') return void response.writeHead(405).end();
    if (id === undefined) return void response.writeHead(202).end();
    const needs = method === 'tools/call' ? scopes[String(params['name'])] : undefined;
    if (needs !== undefined && !String(checked!.payload['scope']).split(' ').includes(needs))
      return void response
        .writeHead(403, { 'www-authenticate': `Bearer error="insufficient_scope", scope="mcp ${needs}", ${about}` })
        .end();
    const modern = request.headers['mcp-protocol-version'] === '2026-07-28';
    if (method === 'tools/call') log.push(checked!.payload);
    const serverInfo = { name: 'own', version: '1' };
    const results: Json = {
      'server/discover': {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        serverInfo,
        ttlMs: 0,
        cacheScope: 'private',
      },
      initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo },
      'tools/call': { ...(modern ? { resultType: 'complete' } : {}), content: [{ type: 'text', text: String(checked?.payload.sub) }] },
    };
    if (!modern) delete results['server/discover'];
    const answer = results[method!] ? { result: results[method!] } : { error: { code: -32601, message: 'Method not found' } };
    response.writeHead(modern && 'error' in answer ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  }

  return { url, issuer: origin, log, bearers, asked, state, count: (path: string) => asked.filter((one) => one.path === path).length };
}
