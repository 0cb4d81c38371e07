import http from 'node:http';

type Json = Record<string, unknown>;

export interface Exchange {
  /** The answer as it came, without its id: `{result}` or `{error}`. */
  answer: Json;
  /** The text of the answer on the wire. */
  text: string;
  /** What the server said and asked before it, without ids. */
  before: Json[];
}

/** Answers of an agent to what a server asks; the same on every connection. */
export type Replies = Record<string, (params: Json) => Json>;

/**
 * A legacy agent by hand on node:http: it parses and answers, and changes nothing, so that what reached it can be compared.
 * It keeps no stream beside its requests open but the one of `initialize`'s session.
 */
export async function rawAgent(url: string, options: { token?: string; capabilities: Json; replies?: Replies }) {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
  };
  let lastId = 0;

  const open = (method: string, body: Json | undefined, onMessage: (message: Json, text: string) => void) => {
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingHttpHeaders>();
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      const stream = String(response.headers['content-type']).startsWith('text/event-stream');
      let held = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        held += chunk;
        if (!stream) return;
        const events = held.split(/\r?\n\r?\n/);
        held = events.pop()!;
        for (const event of events) {
          const data = event
            .split(/\r?\n/)
            .filter((line) => line.startsWith('data:'))
            .map((line) => line.slice(5).replace(/^ /, ''))
            .join('\n');
          if (data !== '') onMessage(JSON.parse(data), data);
        }
      });
      response.on('end', () => {
        if (!stream && held !== '') onMessage(JSON.parse(held), held);
        resolve(response.headers);
      });
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
    return { request, ended: promise };
  };

  const post = async (message: Json) => await open('POST', message, () => {}).ended;
  const reply = (question: Json) => {
    const respond = options.replies?.[question['method'] as string];
    const answer = respond ? { result: respond(question['params'] as Json) } : { error: { code: -32601, message: 'Method not found' } };
    void post({ jsonrpc: '2.0', id: question['id'], ...answer }).catch(() => {});
  };

  async function ask(method: string, params: Json = {}): Promise<Exchange> {
    const id = ++lastId;
    const before: Json[] = [];
    let exchange: Omit<Exchange, 'before'> | undefined;
    const { ended } = open('POST', { jsonrpc: '2.0', id, method, params }, (message, text) => {
      const { jsonrpc: _, id: theirs, ...rest } = message;
      if (message['method'] === undefined && theirs === id) exchange = { answer: rest, text };
      else {
        before.push(rest);
        if (theirs !== undefined) reply(message);
      }
    });
    const answered = await ended;
    if (method === 'initialize' && answered['mcp-session-id']) {
      headers['mcp-session-id'] = String(answered['mcp-session-id']);
      headers['mcp-protocol-version'] = '2025-11-25';
    }
    if (!exchange) throw new Error(`no answer to ${method}`);
    return { ...exchange, before };
  }

  const opened = await ask('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: options.capabilities,
    clientInfo: { name: 'raw', version: '1' },
  });
  // Open before the handshake ends: a server may ask as soon as it is told.
  const standing = open('GET', undefined, (message) => {
    if (message['method'] !== undefined && message['id'] !== undefined) reply(message);
  });
  standing.ended.catch(() => {});
  await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return { opened, ask, close: () => standing.request.destroy() };
}
