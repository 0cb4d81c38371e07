import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { UnreadLimits } from '../../src/base/unread.ts';
import type { AnswerTo, Question } from './unread-host.ts';

export const MB = 1024 * 1024;
export const large = Buffer.from(Array.from({ length: 20 * MB }, (_, at) => 97 + ((at ^ (at >> 7)) % 26)));

/** An upstream with results of 20 MB, which it keeps once only: what they cost stands in the host's memory. */
async function openUpstream() {
  let asked = 0;
  const talk = async (response: ServerResponse, token: unknown) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let progress = 0; progress < 15; progress++) {
      const params = { progressToken: token, progress, message: large.toString('latin1', 0, 3 * MB) };
      const text = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params })}\n\n`;
      if (response.write(text) || response.destroyed) continue;
      const gone = new AbortController();
      const waits = ['drain', 'close'].map((event) => once(response, event, { signal: gone.signal }).catch(() => {}));
      await Promise.race(waits);
      gone.abort();
    }
  };
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { id, method, params } = JSON.parse(Buffer.concat(pieces).toString());
    if (id === undefined) return void response.writeHead(202).end();
    const before = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`;
    const json = (rest: string) => response.writeHead(200, { 'content-type': 'application/json' }).end(`${before}${rest}}`);
    if (method === 'server/discover') return void json('"error":{"code":-32601,"message":"Method not found"}');
    if (method === 'initialize')
      return void json(
        `"result":{"protocolVersion":"${params.protocolVersion}","capabilities":{"tools":{},"resources":{"subscribe":true}},"serverInfo":{"name":"u","version":"1"}}`,
      );
    if (method !== 'tools/call' || params.name === 'small') return void json('"result":{"content":[]}');
    asked += 1;
    if (params.name === 'talk') await talk(response, params._meta?.progressToken);
    else response.writeHead(200, { 'content-type': 'application/json' });
    const streams = params.name === 'talk';
    response.write(`${streams ? 'data: ' : ''}${before}"result":{"content":[{"type":"text","text":"`);
    response.write(large);
    response.end(`"}]}}${streams ? '\n\n' : ''}`);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    asked: () => asked,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export async function openHost(t: TestContext, limits?: UnreadLimits) {
  const upstream = await openUpstream();
  const host = fork(new URL('unread-host.ts', import.meta.url), [upstream.url, ...(limits ? [JSON.stringify(limits)] : [])], {
    execArgv: ['--expose-gc'],
  });
  const [{ url, tokens }] = (await once(host, 'message')) as [{ url: string; tokens: Record<string, string> }];
  let last = 0;
  const ask = <Q extends Question>(question: Q, input?: object) =>
    new Promise<AnswerTo<Q>>((done) => {
      const nth = ++last;
      const hear = (said: { nth: number; value: AnswerTo<Q> }) => {
        if (said.nth !== nth) return;
        host.off('message', hear);
        done(said.value);
      };
      host.on('message', hear).send({ nth, question, input });
    });
  const sockets = new Set<Socket>();
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await ask('close');
    upstream.close();
  });
  return {
    url,
    tokens,
    ask,
    asked: upstream.asked,
    cuts: async () => (await ask('records')).filter(({ rule }) => rule === 'gatehouse:unread'),
    /** A connection on which nothing is read until the test says so. */
    connect(): Socket {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      sockets.add(socket);
      return socket.pause();
    },
    async leave(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
    },
  };
}

export type Era = 'legacy' | 'modern';
let id = 0;

/** One call as bytes. Its answer may be an event stream: a token for progress asks for one. */
export function callText(url: string, token: string, era: Era, name: string, session: Record<string, string> = {}): string {
  const modern = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const _meta = { ...(era === 'modern' ? modern : {}), ...(name === 'talk' ? { progressToken: 'p' } : {}) };
  const params = { name: `one__${name}`, arguments: {}, _meta };
  const headers =
    era === 'modern' ? { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': params.name } : session;
  return requestText(url, token, 'POST', headers, JSON.stringify({ jsonrpc: '2.0', id: ++id, method: 'tools/call', params }));
}

export function requestText(url: string, token: string, method: string, headers: Record<string, string>, body = ''): string {
  const all = {
    host: new URL(url).host,
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    ...(body === '' ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${new URL(url).pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** Asks again until it holds, or for so long that it never will. */
export async function until(holds: () => Promise<boolean> | boolean, seconds = 30): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await new Promise((done) => setTimeout(done, 100)))
    if (await holds()) return true;
  return false;
}
