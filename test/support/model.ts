import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Json = Record<string, unknown>;

/** What the scripted model does next: calls a tool (named by the end of its name), or finishes. `before` runs first, for what happens meanwhile. */
export interface Step {
  tool: string;
  args: Json;
  before?: () => Promise<void>;
}

export interface Turn {
  /** Names of the tools that the agent offered to the model. */
  offered: string[];
  /** What the last tool result said, as it reached the model. */
  saw: string | undefined;
}

/**
 * A model that follows a script, behind the two wire formats that agents speak: Anthropic Messages and OpenAI Responses, both streaming.
 * It finishes with what it saw last. It is also the agents' HTTP proxy, which lets nothing out and remembers who tried.
 */
export async function openModel(script: Step[]) {
  const turns: Turn[] = [];
  const outside = new Set<string>();
  let at = 0;

  /** Where the script stands for a request: a call of one of the offered tools, or the last words. */
  const next = async (turn: Turn, names: string[]): Promise<{ name: string; args: Json } | { text: string }> => {
    turns.push(turn);
    const step = script[at];
    if (!step) return { text: `saw: ${turn.saw}` };
    at++;
    await step.before?.();
    const name = names.find((offered) => offered.endsWith(step.tool));
    return name === undefined ? { text: `no tool ${step.tool} among ${names.join(' ')}` } : { name, args: step.args };
  };

  const server = http.createServer(async (request, response) => {
    const path = (request.url ?? '/').split('?')[0];
    const body = await json(request);
    // Without tools: an agent's small talk (titles, warm-up), not the conversation.
    if (request.method === 'POST' && path === '/v1/messages') return messages(response, body, next);
    if (request.method === 'POST' && path === '/v1/responses') return responses(response, body, next);
    if (request.url?.startsWith('http://')) outside.add(new URL(request.url).host);
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"not here"}}');
  });
  server.on('connect', (request, socket) => {
    outside.add(String(request.url));
    socket.on('error', () => {});
    socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    turns,
    /** Hosts beyond loopback that the agent asked for, in vain. */
    outside,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

type Next = (turn: Turn, names: string[]) => Promise<{ name: string; args: Json } | { text: string }>;

async function json(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json;
  } catch {
    return {};
  }
}

const words = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : Array.isArray(content)
      ? content.map((part) => String((part as Json)['text'] ?? JSON.stringify(part))).join('\n')
      : JSON.stringify(content);

function stream(response: ServerResponse, events: Json[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of events) response.write(`event: ${event['type']}\ndata: ${JSON.stringify(event)}\n\n`);
  response.end();
}

/** Anthropic Messages (POST /v1/messages, stream: true). */
async function messages(response: ServerResponse, body: Json, next: Next): Promise<void> {
  const names = ((body['tools'] ?? []) as { name: string }[]).map((tool) => tool.name);
  const blocks = ((body['messages'] ?? []) as { content: unknown }[]).flatMap(({ content }) => (Array.isArray(content) ? content : []));
  const result = (blocks as Json[]).findLast((block) => block['type'] === 'tool_result');
  const move = names.length === 0 ? { text: 'ok' } : await next({ offered: names, saw: result && words(result['content']) }, names);
  const content =
    'text' in move
      ? { type: 'text', text: move.text }
      : { type: 'tool_use', id: `toolu_${Math.random().toString(36).slice(2)}`, name: move.name, input: move.args };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: body['model'], usage: { input_tokens: 1, output_tokens: 1 } };
  const stop = 'text' in move ? 'end_turn' : 'tool_use';
  if (body['stream'] !== true) {
    const text = JSON.stringify({ ...message, content: [content], stop_reason: stop, stop_sequence: null });
    response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    return;
  }
  stream(response, [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, stop_sequence: null } },
    { type: 'content_block_start', index: 0, content_block: 'text' in move ? { type: 'text', text: '' } : { ...content, input: {} } },
    {
      type: 'content_block_delta',
      index: 0,
      delta:
        'text' in move ? { type: 'text_delta', text: move.text } : { type: 'input_json_delta', partial_json: JSON.stringify(move.args) },
    },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 1 } },
    { type: 'message_stop' },
  ]);
}

/** OpenAI Responses (POST /v1/responses, stream: true). Tools of one server may come wrapped in a namespace. */
async function responses(response: ServerResponse, body: Json, next: Next): Promise<void> {
  const tools = ((body['tools'] ?? []) as Json[]).flatMap((tool): { name: string; namespace: string | undefined }[] =>
    tool['type'] === 'namespace'
      ? (tool['tools'] as Json[]).map((member) => ({ name: String(member['name']), namespace: String(tool['name']) }))
      : [{ name: String(tool['name']), namespace: undefined }],
  );
  const names = tools.map((tool) => tool.name);
  const result = ((body['input'] ?? []) as Json[]).findLast((item) => item['type'] === 'function_call_output');
  const move = await next({ offered: names, saw: result && words(result['output']) }, names);
  const id = `item_${Math.random().toString(36).slice(2)}`;
  const namespace = 'name' in move ? tools.find((tool) => tool.name === move.name)?.namespace : undefined;
  const item =
    'text' in move
      ? {
          type: 'message',
          id,
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: move.text, annotations: [] }],
        }
      : {
          type: 'function_call',
          id,
          call_id: `call_${id}`,
          name: move.name,
          arguments: JSON.stringify(move.args),
          ...(namespace === undefined ? {} : { namespace }),
        };
  stream(response, [
    { type: 'response.created', response: { id: 'resp_1' } },
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.output_item.done', output_index: 0, item },
    {
      type: 'response.completed',
      response: {
        id: 'resp_1',
        usage: { input_tokens: 1, input_tokens_details: null, output_tokens: 1, output_tokens_details: null, total_tokens: 2 },
      },
    },
  ]);
}
