// What servers do that never fail. Each answer names the call that it is for.
import { event, json, result, sse } from '../support/upstreams/raw.ts';

const question = (n) => ({
  method: 'elicitation/create',
  params: { message: `Sure of ${n}?`, requestedSchema: { type: 'object', properties: { said: { type: 'string' } } } },
});
const updated = (uri, n) => ({ jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri, n } });

export const tools = {
  echo: (message, response) => json(response, result(message.id, JSON.stringify(message.params.arguments))),
  big(message, response) {
    const { n, size } = message.params.arguments;
    json(response, result(message.id, String(n).padEnd(size, 'x')));
  },
  progress(message, response) {
    sse(response);
    const { n, steps, restMs = 0 } = message.params.arguments;
    const { progressToken } = message.params._meta ?? {};
    for (let progress = 1; progress <= steps; progress++)
      response.write(event({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken, progress } }));
    setTimeout(() => response.end(event(result(message.id, `done ${n}`))), restMs);
  },
};

let lastQuestion = 0;
const asked = new Map();

export const legacyTools = {
  ...tools,
  ask(message, response, request) {
    const { n } = message.params.arguments;
    const id = `question-${++lastQuestion}`;
    asked.set(id, (answer) => {
      asked.delete(id);
      const said = answer.result?.content?.said ?? answer;
      response.end(event(result(message.id, JSON.stringify({ n, said, session: request.headers['mcp-session-id'] }))));
    });
    sse(response).write(event({ jsonrpc: '2.0', id, ...question(n) }));
  },
  async tell(message, response, _request, raw) {
    const { n } = message.params.arguments;
    // A subscription is acknowledged on another connection than the one that brings the updates.
    for (let patience = 100; raw.streams.size === 0 && patience > 0; patience--) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const stream of raw.streams) stream.write(event(updated('tell://teller', n)));
    json(response, result(message.id, `told ${n}`));
  },
};

/** An agent's answer to `ask`. False: it is none. */
export function takeAnswer(message, response) {
  if (message?.method !== undefined || !asked.has(message?.id)) return false;
  asked.get(message.id)(message);
  response.writeHead(202).end();
  return true;
}

const listeners = new Set();

export const modernTools = {
  ...tools,
  ask(message, response) {
    const { n } = message.params.arguments;
    const { inputResponses, requestState } = message.params;
    if (inputResponses)
      return json(response, result(message.id, JSON.stringify({ n: Number(requestState), ...inputResponses.sure.content })));
    const wanted = { resultType: 'input_required', inputRequests: { sure: question(n) }, requestState: String(n) };
    json(response, { jsonrpc: '2.0', id: message.id, result: wanted });
  },
  tell(message, response) {
    const { n } = message.params.arguments;
    for (const listener of listeners) listener.write(event(updated('tell://teller-modern', n)));
    json(response, result(message.id, `told ${n}`));
  },
};

export function subscribe(message, response) {
  sse(response);
  listeners.add(response);
  response.on('close', () => listeners.delete(response));
  const params = { ...message.params, _meta: { 'io.modelcontextprotocol/subscriptionId': message.id } };
  response.write(event({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }));
}
