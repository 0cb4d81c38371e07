import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { openPace } from '../../base/pace.ts';
import { sameNumber } from '../../protocol/exact.ts';
import { apps, declares, tasks } from '../../protocol/extensions.ts';
import type { JsonObject, RpcError } from '../../protocol/jsonrpc.ts';
import { errorText, type Id, isObject, longest, type Message, resultText, rpc } from '../../protocol/jsonrpc.ts';
import { modernVersions } from '../../protocol/versions.ts';
import { isListMethod, type Surface, speaks } from '../catalogue/surface.ts';
import { Answer, Stream } from '../http/answer.ts';
import type { Call } from '../pipeline/call.ts';
import { taskMethods } from '../rounds/tasks.ts';
import { callMethods, notificationText, progressTo, run, target } from './exchange.ts';
import type { Incoming, WireContext } from './request.ts';

/** The stateless era: revision 2026-07-28, where each request carries all that is to know of the agent (SEP-2575). */

const prefix = 'io.modelcontextprotocol/';
const subscriptionKey = `${prefix}subscriptionId`;

/** Modern is what says so in its body. A header alone is enough too, so that a body without the envelope is told what it lacks. */
export function isModern(message: Message, headers: IncomingHttpHeaders): boolean {
  if (message.kind === 'response') return false;
  // A complete "initialize" is legacy in any envelope: agents send it after a discovery too (claude-code#96183).
  // Without the version that it must name it is incomplete; in a modern envelope it is then a removed method (404, SEP-2575).
  if (message.method === 'initialize' && typeof message.params['protocolVersion'] === 'string') return false;
  const meta = message.params['_meta'];
  if (isObject(meta) && meta[`${prefix}protocolVersion`] !== undefined) return true;
  if (message.method === 'server/discover') return true;
  // A session is legacy whatever the header says (claude-code#92835): the modern era has none, and nothing is decided by that header.
  if (headers['mcp-session-id'] !== undefined) return false;
  const header = headers['mcp-protocol-version'];
  return typeof header === 'string' && modernVersions.includes(header) && message.method !== 'initialize';
}

export async function modern(incoming: Incoming, message: Exclude<Message, { kind: 'response' }>, wire: WireContext): Promise<void> {
  const answer = new Answer(incoming.response, incoming.mayStream);
  if (message.kind === 'notification') {
    // Over HTTP notifications have no effect: a request is cancelled by closing its answer.
    incoming.response.writeHead(202).end();
    return;
  }
  const { id, method, params } = message;
  const refused = check(incoming.piped ? undefined : incoming.headers, method, params);
  if (refused) return answer.end(errorText(id, refused), 400);
  const meta = params['_meta'] as JsonObject;
  const clientInfo = info(meta[`${prefix}clientInfo`]);
  wire.seen(incoming.agent, clientInfo, 'modern');
  const surface = wire.surface(incoming.address, incoming.agent);
  const capabilities = meta[`${prefix}clientCapabilities`] as JsonObject;
  if (taskMethods.has(method) && !declares(capabilities, tasks)) return answer.end(errorText(id, needsTasks), 400);
  if (callMethods.has(method) || taskMethods.has(method) || speaks(method, surface.directory))
    return await call(incoming, { id, method, params, meta, clientInfo }, surface, answer, wire);
  if (isListMethod(method, surface.directory)) {
    if (params['cursor'] !== undefined)
      return answer.end(errorText(id, { code: rpc.invalidParams, message: 'Unknown cursor: lists here have one page.' }), 400);
    return answer.end(
      resultText(
        id,
        `{"resultType":"complete",${surface.list(method, 'modern', declares(capabilities, apps))},"ttlMs":${listTtlMs},"cacheScope":"private","_meta":${serverMeta(surface)}}`,
      ),
    );
  }
  if (method === 'server/discover')
    return answer.end(
      resultText(
        id,
        JSON.stringify({
          resultType: 'complete',
          ...discover(surface),
          ttlMs: listTtlMs,
          cacheScope: 'private',
          _meta: { [`${prefix}serverInfo`]: surface.serverInfo },
        }),
      ),
    );
  if (method === 'subscriptions/listen') return await listen(incoming, id, params, surface, wire);
  answer.end(errorText(id, { code: rpc.methodNotFound, message: `Method not found: ${method}` }), 404);
}

// A change is announced on the subscription at once; the TTL is for agents that do not listen.
const listTtlMs = 60_000;

const serverMeta = (surface: Surface): string => JSON.stringify({ [`${prefix}serverInfo`]: surface.serverInfo });

function discover(surface: Surface): JsonObject {
  return {
    supportedVersions: modernVersions,
    capabilities: surface.capabilities,
    ...(surface.instructions === undefined ? {} : { instructions: surface.instructions }),
  };
}

/** The member of params that the header `Mcp-Name` repeats. */
const named = new Map([
  ['resources/read', 'uri'],
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ...[...taskMethods].map((method) => [method, 'taskId'] as const),
]);

const needsTasks: RpcError = {
  code: rpc.missingCapability,
  message: 'Tasks are for agents that declare them.',
  data: { requiredCapabilities: { extensions: { [tasks]: {} } } },
};

/** The envelope and its agreement with the headers: an intermediary that trusted a header could be led past its rules (SEP-2243). */
function check(headers: IncomingHttpHeaders | undefined, method: string, params: JsonObject): RpcError | undefined {
  const meta = isObject(params['_meta']) ? params['_meta'] : {};
  const version = meta[`${prefix}protocolVersion`];
  if (typeof version !== 'string') return { code: rpc.invalidParams, message: `params._meta needs "${prefix}protocolVersion".` };
  if (headers && headers['mcp-protocol-version'] !== version)
    return mismatch('MCP-Protocol-Version', version, headers['mcp-protocol-version']);
  if (!modernVersions.includes(version))
    return {
      code: rpc.unsupportedVersion,
      message: `Unsupported protocol version: ${version.slice(0, 40)}`,
      data: { supported: modernVersions, requested: version },
    };
  if (!isObject(meta[`${prefix}clientCapabilities`]))
    return { code: rpc.invalidParams, message: `params._meta needs "${prefix}clientCapabilities" (an object, may be empty).` };
  // What came over a pipe never had headers that somebody could have trusted.
  if (!headers) return undefined;
  if (headers['mcp-method'] !== method) return mismatch('Mcp-Method', method, headers['mcp-method']);
  const name = params[named.get(method) ?? ''];
  if (typeof name === 'string' && decodeHeader(headers['mcp-name']) !== name) return mismatch('Mcp-Name', name, headers['mcp-name']);
  return undefined;
}

const mismatch = (header: string, expected: string, got: string | string[] | undefined): RpcError => ({
  code: rpc.headerMismatch,
  message: got === undefined ? `The header ${header} is missing.` : `The header ${header} does not agree with the body.`,
  data: { header, expected },
});

/** Values outside visible ASCII travel as `=?base64?...?=`. What is not exactly base64 stays as it is, and so agrees with nothing (SEP-2243). */
export function decodeHeader(value: string | string[] | undefined): string | undefined {
  if (typeof value !== 'string') return undefined;
  const encoded = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/.exec(value);
  return encoded ? Buffer.from(encoded[1] ?? '', 'base64').toString('utf8') : value;
}

/** `Mcp-Param-*` of a tool must say what its arguments say; an absent or null argument has no header. */
function parameterMismatch(
  headers: IncomingHttpHeaders,
  declared: Map<string, string[]> | undefined,
  args: JsonObject,
): RpcError | undefined {
  for (const [suffix, path] of declared ?? []) {
    let value: unknown = args;
    for (const key of path) value = isObject(value) ? value[key] : undefined;
    // As JSON, not by `String`: an object could have a `toString` that is no function.
    if (typeof value === 'object' && value !== null) value = JSON.stringify(value);
    const header = decodeHeader(headers[`mcp-param-${suffix}`]);
    const same =
      value === undefined || value === null
        ? header === undefined
        : typeof value === 'number'
          ? header !== undefined && sameNumber(header, String(value))
          : header === String(value);
    if (!same) return mismatch(`Mcp-Param-${suffix}`, value === undefined || value === null ? '(absent)' : String(value), header);
  }
  return undefined;
}

export const info = (value: unknown): { name: string; version: string } | undefined =>
  isObject(value) && typeof value['name'] === 'string'
    ? { name: value['name'].slice(0, 128), version: typeof value['version'] === 'string' ? value['version'].slice(0, 64) : '' }
    : undefined;

interface Asked {
  id: Id;
  method: string;
  params: JsonObject;
  meta: JsonObject;
  clientInfo: { name: string; version: string } | undefined;
}

async function call(incoming: Incoming, asked: Asked, surface: Surface, answer: Answer, wire: WireContext): Promise<void> {
  const { id, method, params, meta } = asked;
  const resolved = target(surface, method, params, (taskId) => wire.context().tasks.find(taskId, incoming.agent, wire.context().person));
  if (typeof resolved === 'string') return answer.end(errorText(id, { code: rpc.invalidParams, message: resolved }), 400);
  const wrong =
    method === 'tools/call' && !incoming.piped
      ? parameterMismatch(incoming.headers, surface.directory.find('tools', resolved.asked)?.headers, resolved.args)
      : undefined;
  if (wrong) return answer.end(errorText(id, wrong), 400);
  const gone = new AbortController();
  incoming.response.once('close', () => {
    // Closing the answer is how a modern agent cancels.
    if (!incoming.response.writableEnded) gone.abort();
  });
  const logLevel = meta[`${prefix}logLevel`];
  const token = meta['progressToken'];
  const going: Call = {
    ...resolved,
    agent: incoming.agent,
    session: wire.conversation(incoming.agent, incoming.address, asked.clientInfo ?? { name: '', version: '' }),
    method,
    params,
    requestBytes: incoming.bytes,
    directory: surface.directory,
    signal: gone.signal,
    peer: {
      id: `modern:${incoming.agent}:${incoming.address.path}:${hash('sha256', JSON.stringify(meta[`${prefix}clientCapabilities`]), 'base64url')}`,
      era: 'modern',
      capabilities: meta[`${prefix}clientCapabilities`] as JsonObject,
      clientInfo: asked.clientInfo ?? { name: incoming.agent, version: '' },
      ...(typeof logLevel === 'string' ? { logLevel } : {}),
    },
    ...(token === undefined ? {} : { onProgress: progressTo(token, answer) }),
    // Log messages come only to who named a level; what belongs to the legacy era alone stops here.
    onNotification: (note) =>
      note.method !== 'notifications/elicitation/complete' && answer.send(notificationText(note.method, note.params)),
  };
  const over = wire.sessions.calling(incoming.agent, gone);
  const outcome = await run(going, wire.context(), incoming, answer).finally(over);
  if ('result' in outcome) answer.result(id, outcome.text!);
  else answer.end(errorText(id, outcome.error), statuses.get(outcome.error.code));
}

/** The HTTP status that the specification ties to an error, whoever found it; for all others it is 200. */
const statuses = new Map<number, number>([
  [rpc.methodNotFound, 404],
  [rpc.headerMismatch, 400],
  [rpc.missingCapability, 400],
  [rpc.unsupportedVersion, 400],
]);

/** Of one session, or of one stream. */
export const mostSubscriptions = 1000;

// An upstream that does not answer must not delay announcements of the others: a subscription not made by then is not acknowledged.
const acknowledgeMs = 2000;

/** One stream of announcements; the first message says which of the wishes are honoured. */
async function listen(incoming: Incoming, id: Id, params: JsonObject, surface: Surface, wire: WireContext): Promise<void> {
  const wishes = isObject(params['notifications']) ? params['notifications'] : {};
  const uris = Array.isArray(wishes['resourceSubscriptions'])
    ? [
        ...new Set(wishes['resourceSubscriptions'].filter((uri): uri is string => typeof uri === 'string' && uri.length <= longest.uri)),
      ].slice(0, mostSubscriptions)
    : [];
  const stream = new Stream(incoming.response);
  const subscription = wire.listen(
    incoming,
    stream,
    (method, body) =>
      notificationText(method, { ...body, _meta: { ...(isObject(body['_meta']) ? body['_meta'] : {}), [subscriptionKey]: id } }),
    wishes,
  );
  const until = AbortSignal.timeout(acknowledgeMs);
  const late = new Promise<false>((resolve) => until.addEventListener('abort', () => resolve(false)));
  const made: Promise<boolean>[] = [];
  const breathe = openPace();
  for (const uri of uris) {
    await breathe();
    made.push(Promise.race([wire.subscribe(subscription, surface, uri, until), late]));
  }
  const settled = await Promise.all(made);
  const honoured = uris.filter((_uri, index) => settled[index]);
  const kinds = Object.fromEntries(
    ['toolsListChanged', 'promptsListChanged', 'resourcesListChanged'].filter((kind) => wishes[kind] === true).map((kind) => [kind, true]),
  );
  subscription.acknowledge(
    notificationText('notifications/subscriptions/acknowledged', {
      notifications: { ...kinds, ...(honoured.length > 0 ? { resourceSubscriptions: honoured } : {}) },
      _meta: { [subscriptionKey]: id },
    }),
  );
  subscription.finish = () => stream.end(resultText(id, JSON.stringify({ resultType: 'complete', _meta: { [subscriptionKey]: id } })));
}
