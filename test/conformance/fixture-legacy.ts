import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answers, capabilities, errorOf, event, type Posted, sendJson, serverInfo } from './fixture.ts';
import type { Exchange, Json } from './fixture-catalogue.ts';

interface Session {
  id: string;
  capabilities: Json;
  asked: Map<string, (answer: Json) => void>;
  /** Streams that were broken off, by the id of their last event; the one that resumes one gets what is still to come. */
  broken: Map<string, { missed: Json[]; stream?: ServerResponse }>;
  standing: ServerResponse | undefined;
}

const versions = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
const retryMs = 200;

/** The stateful era (protocol 2025-11-25): sessions, streams of answers, real questions to the client. */
export function openLegacyWire(answers: Answers) {
  const sessions = new Map<string, Session>();
  let lastAsked = 0;

  const sessionOf = (request: IncomingMessage, response: ServerResponse): Session | undefined => {
    const sessionId = request.headers['mcp-session-id'];
    const session = sessions.get(String(sessionId));
    const error = { code: -32000, message: sessionId === undefined ? 'Mcp-Session-Id is missing' : 'Session not found' };
    if (!session) sendJson(response, sessionId === undefined ? 400 : 404, { id: null, error });
    return session;
  };

  function initialize(response: ServerResponse, message: Posted): void {
    const asked = message.params['protocolVersion'] as string;
    const session: Session = {
      id: randomUUID(),
      capabilities: message.params['capabilities'] as Json,
      asked: new Map(),
      broken: new Map(),
      standing: undefined,
    };
    sessions.set(session.id, session);
    const result = {
      protocolVersion: versions.includes(asked) ? asked : versions[0],
      capabilities: { ...capabilities, logging: {} },
      serverInfo,
    };
    sendJson(response, 200, { id: message.id, result }, { 'mcp-session-id': session.id });
  }

  async function call(session: Session, response: ServerResponse, message: Posted): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    let away: { missed: Json[]; stream?: ServerResponse } | undefined;
    const send = (body: Json) => {
      if (!away) response.write(event(body));
      else if (away.stream) away.stream.write(event(body));
      else away.missed.push(body);
    };
    const progressToken = (message.params['_meta'] as Json | undefined)?.['progressToken'];
    const exchange: Exchange = {
      args: (message.params['arguments'] ?? {}) as Json,
      capabilities: session.capabilities,
      progressToken,
      log: (data) => send({ method: 'notifications/message', params: { level: 'info', logger: 'fixture', data } }),
      progress(progress, about) {
        if (progressToken === undefined) return;
        const params = { progressToken, progress, total: 100, ...(about === undefined ? {} : { message: about }) };
        send({ method: 'notifications/progress', params });
      },
      async ask(requests) {
        const pairs = Object.entries(requests).map(
          ([key, { method, params }]) =>
            new Promise<[string, Json]>((resolve) => {
              const id = `fixture-${++lastAsked}`;
              session.asked.set(id, (answer) => resolve([key, answer]));
              // The era has no keys; this is how a server tells Gatehouse the name of its question.
              send({ id, method, params: { ...params, _meta: { 'dev.gatehouse/inputKey': key } } });
            }),
        );
        return Object.fromEntries(await Promise.all(pairs));
      },
      breakOff() {
        const id = randomUUID();
        away = { missed: [] };
        session.broken.set(id, away);
        response.end(`id: ${id}\nretry: ${retryMs}\ndata: \n\n`);
      },
      change: (kind) => {
        answers.changed(kind);
        session.standing?.write(event({ method: `notifications/${kind}/list_changed` }));
      },
    };
    try {
      send({ id: message.id, result: await answers.answer(message.method!, message.params, exchange) });
    } catch (error) {
      send({ id: message.id, error: errorOf(error) });
    }
    (away ? away.stream : response)?.end();
  }

  async function request(session: Session, response: ServerResponse, message: Posted): Promise<void> {
    const { id, method, params } = message;
    if (method === 'tools/call' || method === 'prompts/get') return await call(session, response, message);
    if (method === 'ping' || method === 'logging/setLevel' || method === 'resources/unsubscribe' || method === 'resources/subscribe') {
      sendJson(response, 200, { id, result: {} });
      // Whoever subscribes hears of one change at once.
      const { uri } = params;
      if (method === 'resources/subscribe') session.standing?.write(event({ method: 'notifications/resources/updated', params: { uri } }));
      return;
    }
    try {
      sendJson(response, 200, { id, result: await answers.answer(method!, params, undefined as never) });
    } catch (error) {
      sendJson(response, 200, { id, error: errorOf(error) });
    }
  }

  return {
    async post(request_: IncomingMessage, response: ServerResponse, message: Posted): Promise<void> {
      if (message.method === 'initialize') return initialize(response, message);
      const session = sessionOf(request_, response);
      if (!session) return;
      if (message.method !== undefined && message.id !== undefined) return await request(session, response, message);
      if (message.method === undefined) session.asked.get(String(message.id))?.(message.result ?? { error: message.error });
      response.writeHead(202).end();
    },
    /** GET: the standing stream, or the rest of one that was broken off. DELETE: the end. */
    other(request: IncomingMessage, response: ServerResponse): void {
      const session = sessionOf(request, response);
      if (!session) return;
      if (request.method === 'DELETE') {
        sessions.delete(session.id);
        response.writeHead(204).end();
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      response.flushHeaders();
      const resumed = session.broken.get(String(request.headers['last-event-id']));
      if (!resumed) session.standing = response;
      else {
        resumed.stream = response;
        for (const body of resumed.missed) response.write(event(body));
        if (resumed.missed.length > 0) response.end();
      }
    },
  };
}
