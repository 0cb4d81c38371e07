// A hand-written MCP server of one era, over HTTP (in the test's process) or on pipes (`node matrix-server.ts ERA`). It does one thing per
// tool name and remembers all that it was sent; the tool `seen` tells. Sessions, lists in pages and streams are as the specification has them.
import { randomUUID } from 'node:crypto';
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';

export type Era = 'legacy' | 'modern';
// biome-ignore lint/suspicious/noExplicitAny: any message
export type Json = Record<string, any>;

/** How to speak: about the message at hand, or to everybody who subscribed; and how to drop dead. */
interface Wire {
  send(message: Json): void;
  aside(message: Json, uri?: string): void;
  die(): void;
}

const prefix = 'io.modelcontextprotocol/';
const questions: Record<string, { method: string; params: Json }> = {
  elicit: {
    method: 'elicitation/create',
    params: { mode: 'form', message: 'Sure?', requestedSchema: { type: 'object', properties: { sure: { type: 'boolean' } } } },
  },
  'elicit-url': { method: 'elicitation/create', params: { mode: 'url', message: 'Sign here', url: 'https://example.com/sign' } },
  sample: {
    method: 'sampling/createMessage',
    params: { messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }], maxTokens: 9 },
  },
  roots: { method: 'roots/list', params: {} },
};
const names = [
  ...['echo', 'seen', ...Object.keys(questions), 'url-required', 'withdraw', 'progress', 'log', 'hang', 'large', 'fail', 'is-error', 'die'],
  ...['list-changed', 'touch', 'completed', 'wait'],
];
const schema = { type: 'object', properties: { text: { type: 'string' } } };
export const uri = 'matrix://doc';
const lists: Record<string, { key: string; all: Json[] }> = {
  'tools/list': { key: 'tools', all: names.map((name) => ({ name, inputSchema: schema, 'x-kept': { name } })) },
  'prompts/list': { key: 'prompts', all: ['one', 'two', 'three'].map((name) => ({ name, arguments: [{ name: 'who' }] })) },
  'resources/list': { key: 'resources', all: [{ uri, name: 'doc' }] },
  'resources/templates/list': { key: 'resourceTemplates', all: [{ uriTemplate: 'matrix://docs/{id}', name: 'docs' }] },
};
export const capabilities = {
  tools: { listChanged: true },
  prompts: {},
  resources: { subscribe: true },
  completions: {},
  logging: {},
};
const pageSize = 4;

/** What both wires do with a message that is no handshake. `client` is what the agent declared. */
function brain(era: Era) {
  const seen: Json[] = [];
  const waiting = new Map<unknown, (answer: Json) => void>();
  let lastQuestion = 0;

  const take = (message: Json, wire: Wire, client: Json): void => {
    const { id, method, params } = message;
    seen.push(method === undefined ? { answer: message } : { method, params });
    if (method === undefined) return waiting.get(id)?.(message);
    const complete = (result: Json) => wire.send({ id, result: era === 'modern' ? { resultType: 'complete', ...result } : result });
    const list = lists[method];
    if (list) {
      const from = Number(params?.cursor ?? 0);
      const more = from + pageSize < list.all.length ? { nextCursor: String(from + pageSize) } : {};
      const cache = era === 'modern' ? { ttlMs: 1000, cacheScope: 'public' } : {};
      return complete({ [list.key]: list.all.slice(from, from + pageSize), ...more, ...cache });
    }
    if (method === 'resources/read')
      return complete({ contents: [{ uri: params.uri, text: 'a document' }], ttlMs: 5, cacheScope: 'public' });
    if (method === 'prompts/get') return complete({ messages: [{ role: 'user', content: { type: 'text', text: params.name } }] });
    if (method === 'completion/complete') return complete({ completion: { values: [JSON.stringify(params.ref)] } });
    if (method === 'tools/call')
      return tool(message, wire, client, (text, more) => complete({ content: [{ type: 'text', text }], ...more }));
    if (id !== undefined) complete({});
  };

  function tool(message: Json, wire: Wire, client: Json, done: (text: string, more?: Json) => void): void {
    const { id, params } = message;
    const name: string = params.name;
    const token = params._meta?.progressToken;
    const question = questions[name];
    if (question) return ask(message, question, wire, done);
    switch (name) {
      case 'echo':
        return done(JSON.stringify({ params, client }));
      case 'seen':
        return done(JSON.stringify(seen));
      case 'url-required': {
        const elicitations = [{ mode: 'url', elicitationId: `e-${seen.length}`, url: 'https://example.com/sign', message: 'Sign first' }];
        const before = seen.filter((earlier) => earlier['params']?.name === name && !earlier['params'].arguments.fresh);
        if (before.length > 1 && !params.arguments.fresh) return done('signed');
        return wire.send({ id, error: { code: -32042, message: 'This needs a signature.', data: { elicitations } } });
      }
      case 'withdraw': {
        const { method, params } = questions['elicit']!;
        wire.send({ id: 'withdrawn', method, params });
        wire.send({ method: 'notifications/cancelled', params: { requestId: 'withdrawn', reason: 'No longer needed' } });
        return done('without you');
      }
      case 'progress':
        wire.send({ method: 'notifications/progress', params: { progressToken: token, progress: 1, total: 2, message: 'half' } });
        wire.send({ method: 'notifications/progress', params: { progressToken: token, progress: 2, total: 2, 'x-kept': true } });
        return done('done');
      case 'log':
        for (const level of ['debug', 'info', 'error'])
          wire.send({ method: 'notifications/message', params: { level, logger: 'matrix', data: { level } } });
        return done('done');
      case 'hang':
        return;
      case 'wait':
        return void setTimeout(() => done('waited'), 300);
      case 'large':
        return done('x'.repeat(1024 * 1024));
      case 'fail':
        return wire.send({ id, error: { code: -32000, message: 'It broke.', data: { kept: [1, 2] } } });
      case 'is-error':
        return done('No such ticket.', { isError: true, structuredContent: { code: 7 } });
      case 'die':
        return wire.die();
      case 'list-changed':
        wire.send({ method: 'notifications/tools/list_changed' });
        return done('told');
      case 'completed':
        wire.aside({ method: 'notifications/elicitation/complete', params: { elicitationId: params.arguments.text } });
        return done('told');
      case 'touch':
        wire.aside({ method: 'notifications/resources/updated', params: { uri, 'x-kept': 1 } }, uri);
        return done('touched');
    }
    return wire.send({ id, error: { code: -32602, message: `Unknown tool: ${name}` } });
  }

  /** A request of the server's own in the one era, `input_required` with a state of its own in the other. */
  function ask(message: Json, question: { method: string; params: Json }, wire: Wire, done: (text: string) => void): void {
    const { id, params } = message;
    if (era === 'modern') {
      if (params.inputResponses === undefined)
        return wire.send({ id, result: { resultType: 'input_required', inputRequests: { q: question }, requestState: 'mine: 1' } });
      return done(JSON.stringify({ result: params.inputResponses.q, state: params.requestState }));
    }
    const number = `s${++lastQuestion}`;
    const extra = question.params['mode'] === 'url' ? { elicitationId: number } : {};
    waiting.set(number, (answer) => {
      waiting.delete(number);
      if (extra.elicitationId) wire.send({ method: 'notifications/elicitation/complete', params: extra });
      done(JSON.stringify(answer['error'] ? { error: answer['error'] } : { result: answer['result'] }));
    });
    wire.send({ id: number, method: question.method, params: { ...question.params, ...extra } });
  }
  return { seen, take };
}

/** The handshake of the era, or undefined where the message is none. */
function handshake(era: Era, { method, params }: Json): Json | undefined {
  const about = { capabilities, serverInfo: { name: 'matrix', version: '1' } };
  if (method === 'server/discover')
    return era === 'legacy'
      ? { error: { code: -32601, message: 'Method not found' } }
      : { result: { resultType: 'complete', supportedVersions: ['2026-07-28'], ...about, ttlMs: 0, cacheScope: 'private' } };
  if (method !== 'initialize') return undefined;
  if (era === 'legacy') return { result: { protocolVersion: params.protocolVersion, ...about } };
  return { error: { code: -32022, message: 'Unsupported protocol version', data: { supported: ['2026-07-28'], requested: '' } } };
}

const declared = (message: Json): Json => message['params']?._meta?.[`${prefix}clientCapabilities`];
const acknowledge = ({ id, params }: Json): Json => ({
  method: 'notifications/subscriptions/acknowledged',
  params: { notifications: params.notifications, _meta: { [`${prefix}subscriptionId`]: id } },
});
const tagged = ({ method, params }: Json, id: unknown): Json => ({
  method,
  params: { ...params, _meta: { [`${prefix}subscriptionId`]: id } },
});

/** Over HTTP, in this process. `die` of a call cuts all connections and forgets all sessions, as a restart would. */
export async function openMatrixServer(era: Era) {
  const mind = brain(era);
  const sessions = new Map<string, { client: Json; stream?: ServerResponse; uris: Set<string> }>();
  const listening = new Map<ServerResponse, Json>();
  const write = (response: ServerResponse, message: Json) => response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
  const server = http.createServer((request, response) => {
    const session = sessions.get(String(request.headers['mcp-session-id']));
    const stream = () => response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    if (request.method === 'GET') {
      if (era === 'modern') return void response.writeHead(405).end();
      if (!session) return void response.writeHead(404).end();
      session.stream = response;
      return stream();
    }
    if (request.method === 'DELETE') return void response.writeHead(200).end();
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const message = JSON.parse(body) as Json;
      const { id, method, params } = message;
      const reply = (fields: Json, status = 200, headers = {}) =>
        response
          .writeHead(status, { 'content-type': 'application/json', ...headers })
          .end(JSON.stringify({ jsonrpc: '2.0', id, ...fields }));
      const shaken = handshake(era, message);
      if (shaken && method === 'initialize' && !shaken['error']) {
        const name = randomUUID();
        sessions.set(name, { client: params.capabilities, uris: new Set() });
        return reply(shaken, 200, { 'mcp-session-id': name });
      }
      if (shaken) return reply(shaken, shaken['error'] ? 400 : 200);
      if (era === 'legacy' && !session) return reply({ error: { code: -32001, message: 'Session not found' } }, 404);
      if (id !== undefined && method === undefined) response.writeHead(202).end();
      if (method === 'resources/subscribe') session?.uris.add(params.uri);
      if (method === 'subscriptions/listen') {
        mind.seen.push({ method, params });
        stream();
        listening.set(response, message);
        response.on('close', () => listening.delete(response));
        return write(response, acknowledge(message));
      }
      if (method === 'tools/call') stream();
      response.on('close', () => {
        if (!response.writableEnded) mind.seen.push({ method: 'connection closed', params });
      });
      mind.take(
        message,
        {
          send(answer) {
            if (!response.headersSent) return void reply(answer);
            write(response, answer);
            if (answer['id'] === id && answer['method'] === undefined) response.end();
          },
          aside(note, about) {
            for (const openSession of sessions.values())
              if (openSession.stream && (about === undefined || openSession.uris.has(about))) write(openSession.stream, note);
            for (const [open, asked] of listening) write(open, tagged(note, asked['id']));
          },
          die() {
            sessions.clear();
            server.closeAllConnections();
          },
        },
        era === 'modern' ? declared(message) : session!.client,
      );
      if (id === undefined) response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

if (import.meta.main) {
  const era = process.argv[2] as Era;
  const mind = brain(era);
  let client: Json = {};
  let listening: unknown;
  const send = (message: Json) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  const wire: Wire = {
    send,
    aside: (note) => send(era === 'modern' ? tagged(note, listening) : note),
    die: () => process.exit(3),
  };
  createInterface({ input: process.stdin }).on('line', (line) => {
    const message = JSON.parse(line) as Json;
    const shaken = handshake(era, message);
    if (shaken) {
      if (message['method'] === 'initialize') client = message['params'].capabilities;
      return send({ id: message['id'], ...shaken });
    }
    if (message['method'] === 'subscriptions/listen') {
      listening = message['id'];
      return send(acknowledge(message));
    }
    mind.take(message, wire, era === 'modern' ? declared(message) : client);
  });
}
