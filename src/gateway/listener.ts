import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../base/log.ts';
import type { Reply } from '../base/reply.ts';
import type { Unread } from '../base/unread.ts';
import { classify, errorText, type Id, rpc } from '../protocol/jsonrpc.ts';
import { readBody } from './http/body.ts';
import { bearer, guard } from './http/guard.ts';
import { refuseHttp } from './http/refuse.ts';
import { legacyDelete, legacyGet, legacyPost } from './wire/legacy.ts';
import { twins } from './wire/lookalikes.ts';
import { isModern, modern } from './wire/modern.ts';
import type { Door, Incoming } from './wire/request.ts';

interface Listener {
  port: () => number;
  options: {
    maxBodyBytes: number;
    maxDepth: number;
    agents: { verify(token: string): { name: string } | undefined };
    log: Log;
  };
  door: Door;
  unread: Unread;
  /** Pending while nobody knows yet what is allowed. */
  settling(): Promise<void> | undefined;
  discoverable(server: string, agent: string): boolean;
}

/** guard, then agent, then wire: nothing is looked at before the step ahead of it has let the request pass. */
export function listener(at: Listener): (request: IncomingMessage, response: Reply) => void {
  return (request, response) => {
    handle(at, request, response).catch((error: unknown) => {
      at.options.log.error({ err: error }, 'a request failed inside the gateway');
      refuseHttp(response, 500, 'internal', 'Something went wrong inside Gatehouse. See its log file.');
    });
  };
}

const protectedResource = '/.well-known/oauth-protected-resource';

async function handle(at: Listener, request: IncomingMessage, response: Reply): Promise<void> {
  const { headers } = request;
  const forbidden = guard(headers, at.port());
  if (forbidden) return refuseHttp(response, 403, 'forbidden', forbidden);
  const path = (request.url ?? '/').split('?', 1)[0]!;
  if (path === '/health') return health(request, response);
  if (path.startsWith(protectedResource)) return metadata(path, headers.host!, response);
  const scope = scopeOf(path);
  if (scope === undefined)
    return refuseHttp(response, 404, 'not_found', 'Agents connect to /mcp (all servers) or /mcp/s/SERVER (one server).');

  const token = bearer(headers);
  const agent = token === undefined ? undefined : at.options.agents.verify(token);
  if (!agent) return challenge(path, headers.host!, token !== undefined, response);
  response.reader = agent.name;
  const settling = at.settling();
  if (settling) {
    await settling;
    // Whoever went away meanwhile would never send the rest of its body.
    if (request.destroyed) return;
  }
  if (scope !== '' && !at.discoverable(scope, agent.name))
    return refuseHttp(response, 404, 'not_found', `There is no server ${JSON.stringify(scope)} here.`);

  const accept = headers.accept ?? '*/*';
  const any = accept.includes('*/*');
  const incoming: Incoming = {
    headers,
    response,
    agent: agent.name,
    scope,
    bytes: 0,
    mayStream: any || accept.includes('text/event-stream'),
  };
  if (request.method === 'GET') return legacyGet(incoming, at.door);
  if (request.method === 'DELETE') return legacyDelete(incoming, at.door);
  if (request.method !== 'POST')
    return refuseHttp(response, 405, 'method_not_allowed', 'Send POST with one JSON-RPC message.', { allow: 'GET, POST, DELETE' });
  if (!any && !incoming.mayStream && !accept.includes('application/json') && !accept.includes('application/*'))
    return refuseHttp(response, 406, 'not_acceptable', 'Accept must allow application/json and text/event-stream.');
  await post(at, incoming, request);
}

async function post(at: Listener, incoming: Incoming, request: IncomingMessage): Promise<void> {
  const { response, headers } = incoming;
  const type = headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type))
    return refuseHttp(response, 415, 'unsupported_media_type', 'Content-Type must be application/json.');
  const { maxBodyBytes, maxDepth } = at.options;
  const body = await readBody(request, maxBodyBytes, maxDepth);
  if ('refused' in body) {
    if (body.refused === 'too-large')
      return refuseHttp(
        response,
        413,
        'too_large',
        `The body is larger than ${maxBodyBytes} bytes, the limit here (setting "maxBodyBytes").`,
        { connection: 'close' },
      );
    if (body.refused === 'broken-off') return void response.destroy();
    if (body.refused === 'ambiguous') {
      const message = `${body.why} Rules and servers could read it differently, so it is refused: write it once, and large numbers as text.`;
      const id = typeof body.id === 'string' || (typeof body.id === 'number' && Number.isFinite(body.id)) ? body.id : null;
      return refuseRpc(response, errorText(id, { code: rpc.invalidParams, message }));
    }
    const error =
      body.refused === 'too-many'
        ? { code: rpc.invalidRequest, message: 'The body has more values than one message may have. Send less at once.' }
        : body.refused === 'too-deep'
          ? { code: rpc.invalidRequest, message: `The body nests deeper than ${maxDepth} levels.` }
          : { code: rpc.parseError, message: 'The body is not JSON in UTF-8.' };
    return refuseRpc(response, errorText(null, error));
  }
  incoming.bytes = body.bytes;
  const message = classify(body.value);
  if (typeof message === 'string') return refuseRpc(response, errorText(null, { code: rpc.invalidRequest, message }));
  const doubled = message.kind === 'request' ? twins(message.params) : undefined;
  if (message.kind === 'request' && doubled) {
    const text = `An object in params has the members ${doubled.join(' and ')}, which are one to servers that do not mind case. Rename one of them.`;
    return refuseRpc(response, errorText(message.id, { code: rpc.invalidParams, message: text }));
  }
  if (message.kind === 'request' && at.unread.isBehind(incoming.agent)) return tooMuchUnread(response, message.id);
  if (isModern(message, headers)) return await modern(incoming, message as Parameters<typeof modern>[1], at.door);
  await legacyPost(incoming, message, at.door);
}

function refuseRpc(response: ServerResponse, text: string, status = 400, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers }).end(text);
}

/** Answers and cancellations pass: they may be what ends it. */
function tooMuchUnread(response: ServerResponse, id: Id): void {
  const message = 'Answers of before wait unread at this agent, too many of them. Read them or close their connections, then try again.';
  refuseRpc(response, errorText(id, { code: rpc.tooMuchUnread, message }), 503, { 'retry-after': '5' });
}

/** '' for the merged address, a server's id, or undefined for neither. */
function scopeOf(path: string): string | undefined {
  if (path === '/mcp' || path === '/mcp/') return '';
  const match = /^\/mcp\/s\/([a-z][a-z0-9-]{0,30})\/?$/.exec(path);
  return match?.[1];
}

function health(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuseHttp(response, 405, 'method_not_allowed', 'Send GET.', { allow: 'GET, HEAD' });
  const body = '{"status":"ok"}';
  response
    .writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
    .end(request.method === 'HEAD' ? undefined : body);
}

/** RFC 6750: no `error` where no credential was presented. Absolute, in the spelling of the Host that was asked: agents compare. */
function challenge(path: string, host: string, presented: boolean, response: ServerResponse): void {
  const about = `resource_metadata="http://${host}${protectedResource}${path}"`;
  refuseHttp(
    response,
    401,
    presented ? 'invalid_token' : 'unauthorized',
    'Agents need a credential here. Make one with "gatehouse agents add NAME" or in the Gatehouse window, and send it as Authorization: Bearer TOKEN.',
    { 'www-authenticate': presented ? `Bearer error="invalid_token", ${about}` : `Bearer ${about}` },
  );
}

/** RFC 9728. It names no authorization server: agents get their credential from the person, who makes it in Gatehouse. */
function metadata(path: string, host: string, response: ServerResponse): void {
  const resource = path.slice(protectedResource.length) || '/mcp';
  if (scopeOf(resource) === undefined) return refuseHttp(response, 404, 'not_found', 'There is no such resource here.');
  const body = JSON.stringify({ resource: `http://${host}${resource}`, resource_name: 'Gatehouse', bearer_methods_supported: ['header'] });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}
