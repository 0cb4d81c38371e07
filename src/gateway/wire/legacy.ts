import { idKey } from '../../protocol/exact.ts';
import { apps, declares } from '../../protocol/extensions.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { errorText, type Id, isObject, longest, type Message, resultText, rpc } from '../../protocol/jsonrpc.ts';
import { levels } from '../../protocol/log-levels.ts';
import { legacyVersions, modernVersions } from '../../protocol/versions.ts';
import type { Outcome } from '../../upstreams/upstream.ts';
import { isListMethod, type Surface, speaks } from '../catalogue/surface.ts';
import { Answer, type Answering, Stream } from '../http/answer.ts';
import { refuseHttp } from '../http/refuse.ts';
import type { Call } from '../pipeline/call.ts';
import { unaskable, worded } from '../rounds/questions.ts';
import { listChanges } from './announce.ts';
import { callMethods, notificationText, progressTo, run, target } from './exchange.ts';
import { info, mostSubscriptions } from './modern.ts';
import type { Incoming, WireContext } from './request.ts';
import type { Session } from './sessions.ts';

const askTimeoutMs = 10 * 60_000;
/** Capabilities are kept for as long as the session, and on the disk. */
const maxCapabilityBytes = 64 * 1024;

export type Request = Extract<Message, { kind: 'request' }>;

export async function legacyPost(incoming: Incoming, message: Message, wire: WireContext): Promise<void> {
  if (message.kind === 'request' && message.method === 'initialize') return initialize(incoming, message.id, message.params, wire);
  const session = begun(incoming, wire, message.kind === 'request' ? message.id : null);
  if (!session) return;
  if (message.kind === 'request') return await request(incoming, session, message, answerOf(incoming, session), wire);
  heard(session, message);
  incoming.response.writeHead(202).end();
}

/** The session that a POST belongs to; undefined: the agent was told why there is none. */
export function begun(incoming: Incoming, wire: WireContext, id: Id | null): Session | undefined {
  const version = incoming.headers['mcp-protocol-version'];
  if (typeof version === 'string' && !legacyVersions.includes(version) && !modernVersions.includes(version)) {
    const message = `Unsupported MCP-Protocol-Version ${JSON.stringify(version.slice(0, 40))}. This endpoint speaks ${legacyVersions.join(', ')} and 2026-07-28.`;
    refuseHttp(incoming.response, 400, 'unsupported_version', message);
    return undefined;
  }
  const session = sessionOf(incoming, wire, id);
  if (session) wire.seen(incoming.agent, session.clientInfo, 'legacy');
  return session;
}

/** Handles a message that needs no answer. */
export function heard(session: Session, message: Exclude<Message, Request>): void {
  if (message.kind === 'response') {
    const settle = session.asked.get(message.id);
    session.asked.delete(message.id);
    settle?.(message.error ? { error: message.error } : { result: message.result ?? {} });
  } else if (message.method === 'notifications/cancelled') session.inFlight.get(idKey(message.params['requestId'])!)?.abort();
}

export const answerOf = (incoming: Incoming, session: Session): Answer =>
  new Answer(incoming.response, incoming.mayStream, {}, { events: session.events, prime: primes(session) });

/** The stream on which the gateway speaks first. */
export function legacyGet(incoming: Incoming, wire: WireContext): void {
  const session = sessionOf(incoming, wire, null);
  if (!session) return;
  if (!incoming.mayStream)
    return refuseHttp(incoming.response, 406, 'not_acceptable', 'A GET here opens an event stream: send Accept: text/event-stream.');
  const after = incoming.headers['last-event-id'];
  const resumed = typeof after === 'string' ? session.events.resume(after) : undefined;
  if (resumed && resumed.track !== session.track) {
    // The rest of an answer whose connection broke: losing it is not cancelling, so the call went on.
    new Stream(incoming.response, { 'mcp-session-id': session.id }, resumed.track, resumed.missed);
    return;
  }
  session.stream?.end();
  session.track ??= session.events.open();
  const stream = new Stream(incoming.response, { 'mcp-session-id': session.id }, session.track, resumed?.missed);
  if (!resumed && primes(session)) session.track.prime();
  session.stream = stream;
  if (session.restored) for (const name of listChanges) stream.send(notificationText(name));
  session.restored = false;
  stream.onClose(() => {
    if (session.stream === stream) session.stream = undefined;
  });
}

const primes = (session: Session): boolean => session.version >= '2025-11-25';

export function legacyDelete(incoming: Incoming, wire: WireContext): void {
  const session = sessionOf(incoming, wire, null);
  if (!session) return;
  wire.sessions.end(session);
  incoming.response.writeHead(204).end();
}

function sessionOf(incoming: Incoming, wire: WireContext, id: Id | null): Session | undefined {
  const sessionId = incoming.headers['mcp-session-id'];
  if (typeof sessionId !== 'string') {
    const message = 'Mcp-Session-Id is missing. Send "initialize" first, or use protocol 2026-07-28 with its _meta on each request.';
    new Answer(incoming.response, false).end(errorText(id, { code: rpc.invalidRequest, message }), 400);
    return undefined;
  }
  const session = wire.sessions.find(sessionId, incoming.agent, incoming.address, wire.now());
  if (!session)
    new Answer(incoming.response, false).end(
      errorText(id, { code: -32001, message: 'Session not found. Send "initialize" to begin a new one.' }),
      404,
    );
  return session;
}

function initialize(incoming: Incoming, id: Id, params: JsonObject, wire: WireContext): void {
  const asked = params['protocolVersion'];
  const version = typeof asked === 'string' && legacyVersions.includes(asked) ? asked : legacyVersions[0]!;
  const surface = wire.surface(incoming.address, incoming.agent);
  const clientInfo = info(params['clientInfo']) ?? { name: incoming.agent, version: '' };
  const capabilities = isObject(params['capabilities']) ? params['capabilities'] : {};
  if (Buffer.byteLength(JSON.stringify(capabilities)) > maxCapabilityBytes)
    return new Answer(incoming.response, false).end(
      errorText(id, { code: rpc.invalidParams, message: `params.capabilities is larger than ${maxCapabilityBytes} bytes.` }),
      400,
    );
  const session = wire.sessions.open(
    {
      agent: incoming.agent,
      address: incoming.address,
      version,
      capabilities,
      clientInfo,
    },
    wire.now(),
  );
  wire.seen(incoming.agent, clientInfo, 'legacy');
  const result = {
    protocolVersion: version,
    capabilities: surface.capabilities,
    serverInfo: surface.serverInfo,
    ...(surface.instructions === undefined ? {} : { instructions: surface.instructions }),
  };
  new Answer(incoming.response, false, { 'mcp-session-id': session.id }).end(resultText(id, JSON.stringify(result)));
}

export async function request(incoming: Incoming, session: Session, asked: Request, answer: Answering, wire: WireContext): Promise<void> {
  const { id, method, params } = asked;
  const surface = wire.surface(incoming.address, incoming.agent);
  if (callMethods.has(method) || speaks(method, surface.directory)) return await call(incoming, session, asked, surface, answer, wire);
  const end = (result: string) => answer.end(resultText(id, result));
  if (isListMethod(method, surface.directory)) {
    if (params['cursor'] !== undefined)
      return answer.end(errorText(id, { code: rpc.invalidParams, message: 'Unknown cursor: lists here have one page.' }));
    return end(`{${surface.list(method, 'legacy', declares(session.capabilities, apps))}}`);
  }
  if (method === 'ping') return end('{}');
  if (method === 'logging/setLevel') {
    const { level } = params;
    if (typeof level !== 'string' || !levels.includes(level))
      return answer.end(errorText(id, { code: rpc.invalidParams, message: `params.level must be one of ${levels.join(', ')}.` }));
    session.logLevel = level;
    wire.sessions.changed();
    return end('{}');
  }
  if (method === 'resources/subscribe' || method === 'resources/unsubscribe') {
    const uri = params['uri'];
    if (typeof uri !== 'string') return answer.end(errorText(id, { code: rpc.invalidParams, message: 'params.uri must be a string.' }));
    if (uri.length > longest.uri)
      return answer.end(errorText(id, { code: rpc.invalidParams, message: `params.uri has at most ${longest.uri} characters here.` }));
    if (method === 'resources/unsubscribe') {
      session.subscriptions.get(uri)?.release();
      session.subscriptions.delete(uri);
    } else if (session.subscriptions.size >= mostSubscriptions && !session.subscriptions.has(uri))
      return answer.end(
        errorText(id, {
          code: rpc.invalidRequest,
          message: `A session holds at most ${mostSubscriptions} subscriptions. End one with "resources/unsubscribe".`,
        }),
      );
    else if (!(await wire.subscribe(session, surface, uri)))
      return answer.end(errorText(id, { code: rpc.resourceNotFound, message: `Resource not found: ${uri}`, data: { uri } }));
    wire.sessions.changed();
    return end('{}');
  }
  answer.end(errorText(id, { code: rpc.methodNotFound, message: `Method not found: ${method}` }));
}

async function call(
  incoming: Incoming,
  session: Session,
  asked: Request,
  surface: Surface,
  answer: Answering,
  wire: WireContext,
): Promise<void> {
  const { id, method, params } = asked;
  const resolved = target(surface, method, params);
  if (typeof resolved === 'string') return answer.end(errorText(id, { code: rpc.invalidParams, message: resolved }));
  const key = idKey(id)!;
  if (session.inFlight.has(key))
    return answer.end(errorText(id, { code: rpc.invalidRequest, message: 'A request with this id is in flight in this session.' }), 400);
  // Losing the connection is not cancelling in this era; notifications/cancelled is.
  const controller = new AbortController();
  session.inFlight.set(key, controller);
  const token = isObject(params['_meta']) ? params['_meta']['progressToken'] : undefined;
  let over = false;
  const going: Call = {
    ...resolved,
    agent: incoming.agent,
    session: session.id,
    method,
    params,
    requestBytes: incoming.bytes,
    directory: surface.directory,
    signal: controller.signal,
    peer: {
      id: session.id,
      era: 'legacy',
      capabilities: session.capabilities,
      clientInfo: session.clientInfo,
      ...(session.logLevel === undefined ? {} : { logLevel: session.logLevel }),
    },
    // After the call is over only the end of a URL elicitation comes; it goes out on the session's GET stream.
    onNotification: (note) => {
      const text = notificationText(note.method, note.params);
      if (over) session.stream?.send(text);
      else answer.send(text);
    },
    onRequest: (question, signal) => ask(session, answer, question, signal),
    ...(token === undefined ? {} : { onProgress: progressTo(token, answer) }),
  };
  try {
    const outcome = await run(going, wire.context(), incoming, answer);
    // A cancelled request gets no answer (specification, "Cancellation"); the stream just ends.
    if (controller.signal.aborted) answer.close();
    else if ('result' in outcome) answer.result(id, outcome.text!);
    else answer.end(errorText(id, outcome.error));
  } finally {
    over = true;
    session.inFlight.delete(key);
  }
}

let lastAsked = 0;

/** Puts an upstream's question to the agent on the stream of the call it belongs to, and waits for the agent's POST. */
function ask(session: Session, answer: Answering, question: { method: string; params: JsonObject }, signal: AbortSignal): Promise<Outcome> {
  const refused = unaskable(question, session.capabilities);
  if (refused) return Promise.resolve({ error: refused });
  const id = `gatehouse-${++lastAsked}`;
  return new Promise((resolve) => {
    const settle = (outcome: Outcome) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      session.asked.delete(id);
      resolve(outcome);
    };
    const say = (text: string): boolean => {
      if (answer.send(text)) return true;
      session.stream?.send(text);
      return session.stream?.open === true;
    };
    const onAbort = () => {
      settle({ error: { code: rpc.internalError, message: 'The call was cancelled.' } });
      // The person need not answer what nobody waits for any more.
      say(notificationText('notifications/cancelled', { requestId: id, reason: 'No longer needed' }));
    };
    const timer = setTimeout(
      () => settle({ error: { code: rpc.internalError, message: 'The agent did not answer in time.' } }),
      askTimeoutMs,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    session.asked.set(id, settle);
    if (!say(JSON.stringify({ jsonrpc: '2.0', id, ...worded(question, 'legacy') })))
      settle({ error: { code: rpc.internalError, message: 'The agent has no stream open to be asked on.' } });
  });
}
