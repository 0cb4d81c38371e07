import { type IncomingMessage, request } from 'node:http';
import { Failure } from '../../base/errors.ts';
import { openSse } from '../../base/sse.ts';

const timeoutMs = 10_000;
const largest = 32 * 1024 * 1024;

/** A real connection with what stands in an agent's file: initialize, tools/list, and the session is ended. Returns how many tools it was shown. */
export async function tryConnection(url: string, token: string, version: string): Promise<number> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const post = (message: object) => send(url, 'POST', headers, JSON.stringify({ jsonrpc: '2.0', ...message }));
  try {
    const clientInfo = { name: 'gatehouse', version };
    const opened = await post({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo } });
    const { protocolVersion } = resultOf(opened, 1) as { protocolVersion?: string };
    const session = opened.headers['mcp-session-id'];
    if (typeof session === 'string') headers['mcp-session-id'] = session;
    headers['mcp-protocol-version'] = protocolVersion ?? '2025-11-25';
    await post({ method: 'notifications/initialized' });
    const { tools } = resultOf(await post({ id: 2, method: 'tools/list', params: {} }), 2) as { tools?: unknown[] };
    if (typeof session === 'string') await send(url, 'DELETE', headers);
    return Array.isArray(tools) ? tools.length : 0;
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure('unavailable', `Nothing that is understood answers at ${url}.`, 'See whether the gateway is on: gatehouse status', {
      cause,
    });
  }
}

/** Without a token: the address asks for a sign-in and says where (RFC 9728 section 5.1), as the agent will find it. */
export async function trySignIn(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
  const answer = await send(url, 'POST', headers, '{"jsonrpc":"2.0","id":1,"method":"ping"}').catch(() => undefined);
  if (answer?.status === 401 && /\bresource_metadata=/.test(answer.headers['www-authenticate'] ?? '')) return;
  throw new Failure(
    'unavailable',
    `What answers at ${url} does not say where to sign in.`,
    'See whether the gateway is on: gatehouse status',
  );
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** Over a connection of its own, straight to this machine: no proxy, and nothing that an earlier request left. */
function send(url: string, method: string, headers: Record<string, string>, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > largest) response.destroy(new Error('too large'));
        chunks.push(chunk);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function resultOf({ status, headers, body }: Answer, id: number): unknown {
  if (status !== 200) throw new Failure('unavailable', `The gateway answered ${status} to what stands in the file.`, 'Try again.');
  const messages: unknown[] = [];
  if (headers['content-type']?.startsWith('text/event-stream'))
    openSse(largest, ({ data }) => {
      if (typeof data === 'string' && data !== '') messages.push(JSON.parse(data));
    })(body);
  else messages.push(JSON.parse(body.toString('utf8')));
  const answer = messages.find((message) => (message as { id?: unknown }).id === id) as { result?: unknown } | undefined;
  if (answer?.result !== undefined) return answer.result;
  throw new Failure('unavailable', 'The gateway gave no answer to what stands in the file.', 'Try again.');
}
