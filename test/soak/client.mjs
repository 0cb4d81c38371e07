// An agent by hand: one POST per request, read as fast or as slowly as it likes.
import http from 'node:http';

const keep = new http.Agent({ keepAlive: true, maxSockets: 256 });
const envelope = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

/**
 * Resolves with the status and the answer; rejects where the connection breaks. `slowly`: read a little, rest, read on.
 * `onMessage` gets what comes before the answer and may call `leave`, which cuts the connection.
 */
export function post(url, token, message, { session, slowly = false, onMessage, signal } = {}) {
  return new Promise((resolve, reject) => {
    const modern = session === undefined && message.method !== 'initialize';
    const sent = modern ? { ...message, params: { ...message.params, _meta: { ...message.params?._meta, ...envelope } } } : message;
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(modern ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': message.method } : {}),
      ...(modern && message.params?.name ? { 'mcp-name': message.params.name } : {}),
      ...(session ? { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' } : {}),
    };
    const request = http.request(url, { method: 'POST', headers, agent: slowly ? new http.Agent() : keep }, (response) => {
      const stream = String(response.headers['content-type']).startsWith('text/event-stream');
      let text = '';
      let answer;
      let read = 0;
      const events = () => {
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const line = text
            .slice(0, end)
            .split('\n')
            .find((one) => one.startsWith('data: {'));
          text = text.slice(end + 2);
          if (!line) continue;
          const came = JSON.parse(line.slice(6));
          if (came.id === message.id && came.method === undefined) answer = came;
          else onMessage?.(came, () => request.destroy(new Error('left')));
        }
      };
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (stream) events();
        if (!slowly || (read += chunk.length) < 32_768) return;
        read = 0;
        response.pause();
        setTimeout(() => response.resume(), 10);
      });
      response.on('error', reject);
      response.on('end', () => {
        if (!stream && text !== '') answer = JSON.parse(text);
        resolve({ status: response.statusCode, answer, session: response.headers['mcp-session-id'] });
      });
    });
    request.on('error', reject);
    signal?.addEventListener('abort', () => request.destroy(new Error('left')));
    request.end(JSON.stringify({ jsonrpc: '2.0', ...sent }));
  });
}

/** A stream that stays open until it is closed: a session's own, or a `subscriptions/listen`. Tells of every message on it. */
export function listen(url, token, { session, onMessage }) {
  if (session === undefined) {
    const leave = new AbortController();
    const message = { id: 'listen', method: 'subscriptions/listen', params: { notifications: { toolsListChanged: true } } };
    const over = post(url, token, message, { onMessage, signal: leave.signal }).catch(() => {});
    return { over, close: () => leave.abort() };
  }
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'text/event-stream',
    'mcp-session-id': session,
    'mcp-protocol-version': '2025-11-25',
  };
  const request = http.request(url, { headers, agent: new http.Agent() }, (response) => {
    response.setEncoding('utf8').on('data', (chunk) => {
      for (const line of chunk.split('\n')) if (line.startsWith('data: {')) onMessage(JSON.parse(line.slice(6)));
    });
    response.on('error', () => {});
  });
  request.on('error', () => {});
  request.end();
  return { over: new Promise((resolve) => request.once('close', resolve)), close: () => request.destroy() };
}

export function end(url, token, session) {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
    const request = http.request(url, { method: 'DELETE', headers, agent: keep }, (response) => response.resume().on('end', resolve));
    request.on('error', resolve);
    request.end();
  });
}
