import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from '../../base/reply.ts';
import type { Unread } from '../../base/unread.ts';
import { errorText, isId, rpc } from '../../protocol/jsonrpc.ts';
import type { Address } from '../catalogue/address.ts';
import { accepts } from '../http/accept.ts';
import { readBody } from '../http/body.ts';
import { bearer } from '../http/guard.ts';
import { refuseHttp } from '../http/refuse.ts';
import { challenge } from '../http/resource-metadata.ts';
import { legacyBatch } from './batch.ts';
import { legacyDelete, legacyGet, legacyPost } from './legacy.ts';
import { isModern, modern } from './modern.ts';
import { received } from './received.ts';
import type { Incoming, WireContext } from './request.ts';

/** What the MCP endpoint needs of the gateway. */
export interface Endpoint {
  maxBodyBytes: number;
  maxDepth: number;
  /** `resource`: path of the address. */
  verify(token: string, connection: object, resource: string): { name: string } | undefined;
  /** Of a bridge's connection: whose its requests are, at an address. */
  bridged?(connection: object): ((resource: string) => { name: string } | undefined) | undefined;
  wire: WireContext;
  unread: Unread;
  /** Pending while nobody knows yet what is allowed. */
  settling(): Promise<void> | undefined;
  /** Whether the gateway ends: who waited until now gets no answer rather than a wrong one. */
  leaving(): boolean;
  discoverable(server: string, agent: string): boolean;
}

/** An agent's request at one address: checks its bearer, then that the address exists for it, then hands it to the wire of its era. */
export function mcp(at: Endpoint, address: Address, request: IncomingMessage, response: Reply): Promise<void> | void {
  const agent = holder(at, address, request, response);
  if (!agent) return;
  response.reader = agent.name;
  const settling = at.settling();
  if (!settling) return entered(at, address, agent.name, request, response);
  return settling.then(() => {
    // Whoever went away meanwhile would never send the rest of its body.
    if (request.destroyed) return;
    if (at.leaving()) return void request.socket.destroy();
    return entered(at, address, agent.name, request, response);
  });
}

/** Whose bearer the request has; undefined: it is good for nobody here, and was answered so. */
function holder(at: Endpoint, address: Address, request: IncomingMessage, response: Reply): { name: string } | undefined {
  const bridged = at.bridged?.(request.socket);
  if (bridged) {
    const agent = bridged(address.path);
    if (!agent) challenge(pathOf(request), request.headers.host!, true, response);
    return agent;
  }
  const token = bearer(request.headers);
  const agent = token === undefined ? undefined : at.verify(token, request.socket, address.path);
  if (!agent) challenge(pathOf(request), request.headers.host!, token !== undefined, response);
  return agent;
}

/** An agent's request, once it is known whose it is and what is allowed. */
function entered(at: Endpoint, address: Address, agent: string, request: IncomingMessage, response: Reply): Promise<void> | void {
  const { headers } = request;
  if (address.kind === 'server' && !at.discoverable(address.server, agent))
    return refuseHttp(response, 404, 'not_found', `There is no server ${JSON.stringify(address.server)} here.`);

  const incoming: Incoming = {
    headers,
    response,
    agent,
    address,
    bytes: 0,
    mayStream: accepts(headers.accept, 'text/event-stream'),
    piped: at.bridged?.(request.socket) !== undefined,
  };
  if (request.method === 'GET') return legacyGet(incoming, at.wire);
  if (request.method === 'DELETE') return legacyDelete(incoming, at.wire);
  if (request.method !== 'POST')
    return refuseHttp(response, 405, 'method_not_allowed', 'Send POST with one JSON-RPC message.', { allow: 'GET, POST, DELETE' });
  if (!incoming.mayStream && !accepts(headers.accept, 'application/json'))
    return refuseHttp(response, 406, 'not_acceptable', 'Accept must allow application/json and text/event-stream.');
  return post(at, incoming, request);
}

export const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0]!;

async function post(at: Endpoint, incoming: Incoming, request: IncomingMessage): Promise<void> {
  const { response, headers } = incoming;
  const type = headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type))
    return refuseHttp(response, 415, 'unsupported_media_type', 'Content-Type must be application/json.');
  const { maxBodyBytes, maxDepth } = at;
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
      return refuseRpc(response, errorText(isId(body.id) ? body.id : null, { code: rpc.invalidParams, message }));
    }
    const error =
      body.refused === 'too-many'
        ? { code: rpc.invalidRequest, message: 'The body has more values than one message may have. Send less at once.' }
        : body.refused === 'too-deep'
          ? { code: rpc.invalidRequest, message: `The body nests deeper than ${maxDepth} levels.` }
          : { code: rpc.parseError, message: 'The body is not JSON in UTF-8.' };
    return refuseRpc(response, errorText(null, error));
  }
  // A body takes as long as its sender likes, and the agent may have been revoked meanwhile.
  if (!holder(at, incoming.address, request, response)) return;
  incoming.bytes = body.bytes;
  const behind = () => at.unread.isBehind(incoming.agent);
  if (Array.isArray(body.value)) return await legacyBatch(incoming, body.value, at.wire, () => (behind() ? tooMuchUnread : undefined));
  const message = received(body.value);
  if (message.kind === 'none') return refuseRpc(response, errorText(message.id, message.error));
  // Answers and cancellations pass: they may be what ends the backlog.
  if (message.kind === 'request' && behind()) return refuseRpc(response, errorText(message.id, tooMuchUnread), 503, { 'retry-after': '5' });
  if (isModern(message, headers)) return await modern(incoming, message as Parameters<typeof modern>[1], at.wire);
  await legacyPost(incoming, message, at.wire);
}

function refuseRpc(response: ServerResponse, text: string, status = 400, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers }).end(text);
}

const tooMuchUnread = {
  code: rpc.tooMuchUnread,
  message: 'Too many earlier answers wait unread at this agent. Read them or close their connections, then try again.',
};
