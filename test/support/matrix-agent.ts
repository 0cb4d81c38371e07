// Agents of both eras by hand, with one face: a call that may be asked things on the way, and what is heard beside calls.
import type { Era, Json } from './matrix-server.ts';

export interface Talk {
  /** The JSON-RPC answer; undefined: the call was cancelled and has none. */
  answer: Json | undefined;
  status: number;
  notes: Json[];
  asked: Json[];
}

export interface CallOptions {
  /** Answers what is asked on the way; a string refuses with that message. */
  respond?: (asked: Json) => Json | string | undefined;
  meta?: Json;
  signal?: AbortSignal;
}

export interface Agent {
  readonly era: Era;
  call(method: string, params?: Json, options?: CallOptions): Promise<Talk>;
  /** What came on the stream that belongs to no call. */
  readonly heard: Json[];
  /** Makes ready to hear list changes and, where given, updates of a resource. Modern: the acknowledged subset. */
  hear(uri?: string): Promise<Json>;
  level(level: string): Promise<void>;
  close(): void;
}

const prefix = 'io.modelcontextprotocol/';
let ids = 0;

async function* eventsOf(response: Response): AsyncGenerator<Json> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line.startsWith('data: {')) yield JSON.parse(line.slice(6));
  }
}

function poster(url: string, token: string) {
  return (message: Json, headers: Record<string, string>, signal?: AbortSignal) =>
    fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      ...(signal ? { signal } : {}),
    });
}

/** Reads one answer to its end; whatever else comes is for `other`. */
async function read(response: Response, id: unknown, other: (message: Json) => void): Promise<Json | undefined> {
  if (!response.headers.get('content-type')?.includes('event-stream')) {
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  }
  let answer: Json | undefined;
  for await (const message of eventsOf(response)) {
    if (message['method'] === undefined && message['id'] === id) answer = message;
    else other(message);
  }
  return answer;
}

export async function legacyAgent(url: string, token: string, capabilities: Json): Promise<Agent> {
  const post = poster(url, token);
  const opened = await post(
    {
      id: 'init',
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'matrix-legacy', version: '1' } },
    },
    {},
  );
  await opened.text();
  const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id')!, 'mcp-protocol-version': '2025-11-25' };
  await (await post({ method: 'notifications/initialized' }, headers)).text();
  const heard: Json[] = [];
  const closing = new AbortController();
  const agent: Agent = {
    era: 'legacy',
    heard,
    async call(method, params = {}, options = {}) {
      const id = ++ids;
      const talk: Talk = { answer: undefined, status: 0, notes: [], asked: [] };
      const cancel = async () =>
        (await post({ method: 'notifications/cancelled', params: { requestId: id, reason: 'changed my mind' } }, headers)).text();
      options.signal?.addEventListener('abort', () => void cancel());
      const response = await post({ id, method, params: { ...params, ...(options.meta ? { _meta: options.meta } : {}) } }, headers);
      talk.status = response.status;
      talk.answer = await read(response, id, (message) => {
        if (message['id'] === undefined) return void talk.notes.push(message);
        talk.asked.push(message);
        const reply = options.respond?.(message);
        if (reply === undefined) return;
        const body = typeof reply === 'string' ? { error: { code: -1, message: reply } } : { result: reply };
        void post({ id: message['id'], ...body }, headers).then((answered) => answered.text());
      });
      return talk;
    },
    async hear(uri) {
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
        signal: closing.signal,
      });
      void (async () => {
        for await (const message of eventsOf(response)) heard.push(message);
      })().catch(() => {});
      if (uri === undefined) return {};
      return (await agent.call('resources/subscribe', { uri })).answer!;
    },
    async level(level) {
      await agent.call('logging/setLevel', { level });
    },
    close: () => closing.abort(),
  };
  return agent;
}

export function modernAgent(url: string, token: string, capabilities: Json): Agent {
  const post = poster(url, token);
  const heard: Json[] = [];
  const closing = new AbortController();
  let logLevel: string | undefined;
  const send = (id: number, method: string, params: Json, meta: Json = {}, signal?: AbortSignal) => {
    const name = params['name'] ?? params['uri'] ?? params['taskId'];
    const _meta = {
      [`${prefix}protocolVersion`]: '2026-07-28',
      [`${prefix}clientCapabilities`]: capabilities,
      [`${prefix}clientInfo`]: { name: 'matrix-modern', version: '1' },
      ...(logLevel ? { [`${prefix}logLevel`]: logLevel } : {}),
      ...meta,
    };
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(name === undefined ? {} : { 'mcp-name': name }) };
    return post({ id, method, params: { ...params, _meta } }, headers, signal);
  };
  return {
    era: 'modern',
    heard,
    async call(method, params = {}, options = {}) {
      const talk: Talk = { answer: undefined, status: 0, notes: [], asked: [] };
      let next = params;
      for (let round = 0; round < 10; round++) {
        const id = ++ids;
        try {
          const response = await send(id, method, next, options.meta, options.signal);
          talk.status = response.status;
          talk.answer = await read(response, id, (message) => talk.notes.push(message));
        } catch (error) {
          if (!options.signal?.aborted) throw error;
          talk.answer = undefined;
          return talk;
        }
        const result = talk.answer?.['result'];
        if (result?.resultType !== 'input_required' || !options.respond) return talk;
        const inputResponses: Json = {};
        for (const [key, asked] of Object.entries((result.inputRequests ?? {}) as Record<string, Json>)) {
          talk.asked.push(asked);
          const reply = options.respond(asked);
          if (reply !== undefined) inputResponses[key] = reply;
        }
        next = { ...params, inputResponses, ...(result.requestState === undefined ? {} : { requestState: result.requestState }) };
      }
      return talk;
    },
    async hear(uri) {
      const notifications = { toolsListChanged: true, ...(uri === undefined ? {} : { resourceSubscriptions: [uri] }) };
      const events = eventsOf(await send(++ids, 'subscriptions/listen', { notifications }, {}, closing.signal));
      const first = (await events.next()).value as Json;
      void (async () => {
        for await (const message of events) heard.push(message);
      })().catch(() => {});
      return first;
    },
    async level(level) {
      logLevel = level;
    },
    close: () => closing.abort(),
  };
}
