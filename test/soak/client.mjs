// An agent by hand: one POST per request, read as fast or as slowly as it likes.
import http from 'node:http';

const keep = new http.Agent({ keepAlive: true, maxSockets: 256 });

const envelope = (capabilities) => ({
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': capabilities,
});

const headersOf = (token, session) => ({
  authorization: `Bearer ${token}`,
  accept: 'application/json, text/event-stream',
  ...(session ? { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' } : {}),
});

/** Takes the pieces of an event stream and tells of each event: its message, where it has one, and its id. */
function reader(onEvent) {
  let text = '';
  return (chunk) => {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      const data = field('data');
      if (data || field('id')) onEvent(data ? JSON.parse(data) : undefined, field('id'));
    }
  };
}

/**
 * Resolves with the status and the answer, of which there may be none; rejects where the connection breaks and where an answer is not this
 * request's. `slowly`: read a little, rest, read on. `onMessage` gets what comes before the answer and may call `leave`, which cuts the connection.
 */
export function post(url, token, message, { session, capabilities = {}, slowly = false, onMessage, signal } = {}) {
  return new Promise((resolve, reject) => {
    const modern = session === undefined && message.method !== 'initialize';
    const sent = modern
      ? { ...message, params: { ...message.params, _meta: { ...message.params?._meta, ...envelope(capabilities) } } }
      : message;
    const headers = {
      ...headersOf(token, session),
      'content-type': 'application/json',
      ...(modern ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': message.method } : {}),
      ...(modern && message.params?.name ? { 'mcp-name': message.params.name } : {}),
    };
    const request = http.request(url, { method: 'POST', headers, agent: slowly ? new http.Agent() : keep }, (response) => {
      const stream = String(response.headers['content-type']).startsWith('text/event-stream');
      let text = '';
      let answer;
      let read = 0;
      let over = false;
      // At once, for the rest of this chunk may be there already.
      const stop = (why) => {
        over = true;
        reject(new Error(why));
        request.destroy();
      };
      const came = (incoming, eventId) => {
        if (over) return;
        if (incoming === undefined || incoming.method !== undefined) return onMessage?.(incoming ?? {}, () => stop('left'), eventId);
        if (incoming.id !== message.id || answer) stop(`an answer that is not this call's: ${JSON.stringify(incoming)}`);
        answer = incoming;
      };
      const events = reader(came);
      response.setEncoding('utf8').on('data', (chunk) => {
        if (stream) events(chunk);
        else text += chunk;
        if (!slowly || (read += chunk.length) < 32_768) return;
        read = 0;
        response.pause();
        setTimeout(() => response.resume(), 10);
      });
      response.on('error', reject);
      response.on('end', () => {
        // A refusal at the door is no JSON-RPC message.
        if (response.statusCode >= 300) answer = text;
        else if (!stream && text !== '') came(JSON.parse(text));
        resolve({ status: response.statusCode, answer, session: response.headers['mcp-session-id'] });
      });
    });
    request.on('error', reject);
    signal?.addEventListener('abort', () => request.destroy(new Error('left')));
    request.end(JSON.stringify({ jsonrpc: '2.0', ...sent }));
  });
}

/**
 * A stream that stays open until it is closed: a session's own (or, from `lastEventId` on, that of an answer), or a `subscriptions/listen`.
 * `ready` says that it stands, `over` that it ended, for whatever reason.
 */
export function listen(url, token, { session, uris, lastEventId, onMessage }) {
  const { promise: ready, resolve, reject } = Promise.withResolvers();
  ready.catch(() => {});
  if (session === undefined) {
    const leave = new AbortController();
    const notifications = { toolsListChanged: true, ...(uris ? { resourceSubscriptions: uris } : {}) };
    const heard = (message) => {
      if (message.method === 'notifications/subscriptions/acknowledged') resolve(message.params.notifications);
      else onMessage(message);
    };
    const message = { id: 'listen', method: 'subscriptions/listen', params: { notifications } };
    const over = post(url, token, message, { onMessage: heard, signal: leave.signal }).catch(() => {});
    over.then(() => reject(new Error('it ended')));
    return { ready, over, close: () => leave.abort() };
  }
  const headers = { ...headersOf(token, session), accept: 'text/event-stream', ...(lastEventId ? { 'last-event-id': lastEventId } : {}) };
  const request = http.request(url, { headers, agent: new http.Agent() }, (response) => {
    if (response.statusCode === 200) resolve();
    else reject(new Error(`a stream got HTTP ${response.statusCode}`));
    response.setEncoding('utf8').on(
      'data',
      reader((message, eventId) => message && onMessage(message, eventId)),
    );
    response.on('error', () => {});
  });
  request.on('error', reject);
  request.end();
  return { ready, over: new Promise((done) => request.once('close', done)), close: () => request.destroy() };
}

/** Begins a legacy session. */
export async function begin(url, token, capabilities = {}) {
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'soak', version: '1' } };
  const { session } = await post(url, token, { id: 'first', method: 'initialize', params });
  await post(url, token, { method: 'notifications/initialized' }, { session });
  return session;
}

export function end(url, token, session) {
  return new Promise((resolve) => {
    const request = http.request(url, { method: 'DELETE', headers: headersOf(token, session), agent: keep }, (response) =>
      response.resume().on('end', resolve),
    );
    request.on('error', resolve);
    request.end();
  });
}
