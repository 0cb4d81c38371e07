import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Answers, capabilities, errorOf, event, type Posted, sendJson, serverInfo } from './fixture.ts';
import { type Exchange, type Json, Refused } from './fixture-catalogue.ts';
import { openTasks, tasksExtension } from './fixture-tasks.ts';

const version = '2026-07-28';
const prefix = 'io.modelcontextprotocol/';
const cacheable = ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'];

class NeedsInput extends Error {
  readonly inputRequests: Json;
  readonly keep: boolean;
  constructor(inputRequests: Json, keep: boolean) {
    super('input required');
    this.inputRequests = inputRequests;
    this.keep = keep;
  }
}

/** The stateless era (protocol 2026-07-28). A handler that asks is run anew with each retry; signed answers of earlier rounds travel in requestState. */
export function openModernWire(answers: Answers) {
  const key = randomBytes(32);
  const tasks = openTasks();
  const listening = new Set<{ response: ServerResponse; id: unknown; wishes: Json }>();
  const sign = (state: Json): string => {
    const body = Buffer.from(JSON.stringify(state)).toString('base64url');
    return `${body}.${createHmac('sha256', key).update(body).digest('base64url')}`;
  };
  const verify = (state: unknown): Json => {
    if (state === undefined) return {};
    const [body = '', mac] = String(state).split('.');
    if (createHmac('sha256', key).update(body).digest('base64url') !== mac) throw new Refused(-32602, 'requestState fails its check');
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Json;
  };

  function listen(response: ServerResponse, { id, params }: Posted): void {
    const wishes = (params['notifications'] ?? {}) as Json;
    const listener = { response, id, wishes };
    listening.add(listener);
    response.on('close', () => listening.delete(listener));
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
    tell(listener, 'notifications/subscriptions/acknowledged', { notifications: wishes });
  }
  const tell = (to: { response: ServerResponse; id: unknown }, method: string, params: Json) =>
    to.response.write(event({ method, params: { ...params, _meta: { [`${prefix}subscriptionId`]: to.id } } }));

  async function call(response: ServerResponse, message: Posted): Promise<void> {
    const { id, params } = message;
    const meta = params['_meta'] as Json;
    const before: string[] = [];
    const say = (method: string, body: Json) => before.push(event({ method, params: body }));
    const { progressToken } = meta as { progressToken?: unknown };
    let body: Json;
    let status = 200;
    try {
      const kept = verify(params['requestState']);
      const inputs = { ...kept, ...(params['inputResponses'] as Json | null | undefined) };
      const exchange: Exchange = {
        args: (params['arguments'] ?? {}) as Json,
        capabilities: meta[`${prefix}clientCapabilities`] as Json,
        progressToken,
        log(data) {
          if (meta[`${prefix}logLevel`] !== undefined) say('notifications/message', { level: 'info', logger: 'fixture', data });
        },
        progress(progress, about) {
          if (progressToken === undefined) return;
          say('notifications/progress', { progressToken, progress, total: 100, ...(about === undefined ? {} : { message: about }) });
        },
        async ask(requests, keep = false) {
          const missing = Object.entries(requests).filter(([name, { method }]) => !answersTo(method, inputs[name]));
          if (missing.length === 0) return inputs as Record<string, Json>;
          throw new NeedsInput(Object.fromEntries(missing), keep);
        },
        breakOff() {},
        change(kind) {
          answers.changed(kind);
          for (const listener of listening)
            if (listener.wishes[`${kind}ListChanged`] === true) tell(listener, `notifications/${kind}/list_changed`, {});
        },
      };
      try {
        const task = message.method === 'tools/call' ? await tasks.begin(params['name'], exchange) : undefined;
        body = { id, result: task ?? complete(message.method!, await answers.answer(message.method!, params, exchange)) };
      } catch (error) {
        if (!(error instanceof NeedsInput)) throw error;
        const { inputRequests, keep } = error;
        const requestState = keep ? { requestState: sign(inputs) } : {};
        body = { id, result: { resultType: 'input_required', inputRequests, ...requestState } };
      }
    } catch (error) {
      body = { id, error: errorOf(error) };
      if (error instanceof Refused && error.code === -32021) status = 400;
    }
    if (before.length === 0) return sendJson(response, status, body);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' });
    response.end(before.join('') + event(body));
  }

  return {
    async post(request: IncomingMessage, response: ServerResponse, message: Posted): Promise<void> {
      const { id, method, params } = message;
      if (id === undefined || method === undefined) return void response.writeHead(202).end();
      const refused = check(request, message);
      if (refused) return sendJson(response, 400, { id, error: refused });
      if (method === 'subscriptions/listen') return listen(response, message);
      if (method === 'tools/call' || method === 'prompts/get') return await call(response, message);
      try {
        const declared = (params['_meta'] as Json)[`${prefix}clientCapabilities`] as Json;
        const result =
          method === 'server/discover'
            ? {
                supportedVersions: [version],
                capabilities: { ...capabilities, extensions: { ...capabilities.extensions, [tasksExtension]: {} } },
              }
            : method.startsWith('tasks/')
              ? tasks.answer(method, params, declared)
              : await answers.answer(method, params, undefined as never);
        sendJson(response, 200, { id, result: complete(method, result) });
      } catch (error) {
        const said = errorOf(error);
        // The legacy era's own code for a missing resource is no word of this one (SEP-2164).
        if (said['code'] === -32002) said['code'] = -32602;
        const status = said['code'] === -32601 ? 404 : said['code'] === -32021 ? 400 : 200;
        sendJson(response, status, { id, error: said });
      }
    },
  };
}

/** An answer of the wrong shape is none: it is asked for again. */
function answersTo(method: string, answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  const result = answer as Json;
  if (method === 'elicitation/create') return typeof result['action'] === 'string';
  return method === 'roots/list' ? Array.isArray(result['roots']) : result['content'] !== undefined;
}

const complete = (method: string, result: Json): Json => ({
  resultType: 'complete',
  ...result,
  ...(cacheable.includes(method) ? { ttlMs: 300_000, cacheScope: 'public' } : {}),
  _meta: { [`${prefix}serverInfo`]: serverInfo },
});

function check({ headers }: IncomingMessage, { method, params }: Posted): Json | undefined {
  const meta = (params['_meta'] ?? {}) as Json;
  const stated = meta[`${prefix}protocolVersion`];
  if (stated === undefined || meta[`${prefix}clientCapabilities`] === undefined)
    return method === 'initialize'
      ? {
          code: -32022,
          message: 'This server speaks no older version',
          data: { supported: [version], requested: params['protocolVersion'] },
        }
      : { code: -32602, message: 'params._meta lacks what is required' };
  if (stated !== version)
    return { code: -32022, message: 'Unsupported protocol version', data: { supported: [version], requested: stated } };
  const name = method === 'resources/read' ? params['uri'] : method?.startsWith('tasks/') ? params['taskId'] : params['name'];
  const agree =
    headers['mcp-protocol-version'] === stated &&
    headers['mcp-method'] === method &&
    (typeof name !== 'string' || headers['mcp-name'] === name);
  return agree ? undefined : { code: -32020, message: 'A header does not agree with the body' };
}
