import { randomUUID } from 'node:crypto';
import { hostsIn, parseUrl, readHost, withoutSlashes } from '../../base/url.ts';
import { isObject, type JsonObject, type RpcError, rpc } from '../../protocol/jsonrpc.ts';
import type { Era } from '../../protocol/versions.ts';
import { UpstreamError } from '../../upstreams/upstream.ts';

/** What an upstream asks of an agent or of its person: a request in the legacy era, part of `input_required` in the modern one. */
export interface InputRequest {
  method: string;
  params: JsonObject;
}

const needs: Record<string, string> = { 'elicitation/create': 'elicitation', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' };

/**
 * Why the agent must not be asked; undefined: it may. An agent is never asked for what it did not declare, whatever the upstream was
 * told: a process that all agents share was told all that any of them might do.
 */
export function unaskable({ method, params }: InputRequest, capabilities: JsonObject): RpcError | undefined {
  const capability = needs[method];
  const declared = capability === undefined ? undefined : capabilities[capability];
  if (declared === undefined) return { code: rpc.methodNotFound, message: `The agent does not support ${method}.` };
  if (!isObject(declared)) return undefined;
  if (method === 'sampling/createMessage' && params['tools'] !== undefined && declared['tools'] === undefined)
    return { code: rpc.invalidParams, message: 'The agent does not support sampling with tools.' };
  if (method !== 'elicitation/create') return undefined;
  // `elicitation: {}` is form mode alone (specification 2025-11-25, "Elicitation", "Capabilities").
  const mode = params['mode'] === 'url' ? 'url' : 'form';
  const plain = declared['form'] === undefined && declared['url'] === undefined;
  if (mode === 'url' && params['url'] !== undefined && !isWeb(params['url']))
    return {
      code: rpc.invalidParams,
      message: 'Only addresses of the web can be visited: http or https, with one host, of at most 8192 characters.',
    };
  return declared[mode] !== undefined || (plain && mode === 'form')
    ? undefined
    : { code: rpc.invalidParams, message: `The agent does not support elicitation in ${mode} mode.` };
}

/** How much an upstream may ask at once; more is refused before anything looks at it. */
const maxAsked = 32;

/**
 * Agents hand the address to the system, which would start a program for another scheme (`file:`, `javascript:`, `ms-msdt:` ...). An address that two
 * programs would read as two hosts is refused too: the person agrees to the one that the agent shows.
 */
function isWeb(url: unknown): boolean {
  const parsed = typeof url === 'string' ? parseUrl(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) return false;
  const shown = readHost(parsed.hostname);
  const text = String(url);
  const raws = hostsIn(withoutSlashes(text.slice(text.indexOf(':') + 1)));
  return shown !== undefined && [...raws].every((raw) => readHost(raw) === shown);
}

/** The visits that an error of 2025-11-25 (-32042, "URL elicitation required") asks for. Throws where any of them is not a web address. */
export function visitsOf(error: RpcError): JsonObject[] {
  if (error.code !== rpc.urlElicitationRequired || !isObject(error.data) || !Array.isArray(error.data['elicitations'])) return [];
  if (error.data['elicitations'].length > maxAsked)
    throw new UpstreamError('bad-answer', `it wants more than ${maxAsked} addresses visited at once`);
  const visits = error.data['elicitations'].filter(isObject);
  if (![...new Set(visits.map(({ url }) => url))].every(isWeb))
    throw new UpstreamError('bad-answer', 'it wants an address visited that is none of the web, is too long, or names two hosts');
  return visits;
}

/** The same question in the words of the agent's era: a URL elicitation had an id of its own until 2025-11-25. */
export function worded({ method, params }: InputRequest, era: Era): InputRequest {
  if (method !== 'elicitation/create' || params['mode'] !== 'url') return { method, params };
  if (era === 'legacy') return { method, params: { elicitationId: randomUUID(), ...params } };
  const { elicitationId: _id, ...rest } = params;
  return { method, params: rest };
}

/** What an `input_required` asks, key by key. */
export function questionsOf(result: JsonObject): [string, InputRequest][] {
  const requests = isObject(result['inputRequests']) ? Object.entries(result['inputRequests']) : [];
  if (requests.length > maxAsked) throw new UpstreamError('bad-answer', `it asks for input more than ${maxAsked} times at once`);
  return requests.map(([key, request]) => {
    if (!isObject(request) || typeof request['method'] !== 'string')
      throw new UpstreamError('bad-answer', 'it asks for input in words that are none of the protocol');
    return [key, { method: request['method'], params: isObject(request['params']) ? request['params'] : {} }];
  });
}

/** The visits that an error asks for, as input requests of the modern era. */
export function wantedVisits(error: RpcError): JsonObject | undefined {
  const visits = visitsOf(error);
  if (visits.length === 0) return undefined;
  return Object.fromEntries(
    visits.map((params, index) => [
      `u${index + 1}`,
      worded({ method: 'elicitation/create', params: { ...params, mode: 'url' } }, 'modern'),
    ]),
  );
}
