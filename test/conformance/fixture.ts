import http from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Exchange,
  type Json,
  tools as plainTools,
  prompts,
  Refused,
  readResource,
  resources,
  resourceTemplates,
} from './fixture-catalogue.ts';
import { openLegacyWire } from './fixture-legacy.ts';
import { openModernWire } from './fixture-modern.ts';
import { answerSkills, readSkillFile, skillResources, skillsExtension } from './fixture-skills.ts';
import { asTools } from './fixture-tasks.ts';

const tools = [...plainTools, ...asTools];

export type Variant = 'legacy' | 'modern' | 'dual';

export interface Posted {
  id?: string | number;
  method?: string;
  params: Json;
  result?: Json;
  error?: Json;
}
export interface Answers {
  /** Throws Refused; -32601 where it does not know the method. */
  answer(method: string, params: Json, exchange: Exchange): Promise<Json>;
  changed(kind: 'tools' | 'prompts'): void;
}

export const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  extensions: skillsExtension,
};
export const serverInfo = { name: 'conformance-fixture', version: '1.0.0' };

/** The server that conformance runs put behind Gatehouse: one catalogue, one or both eras, on bare JSON so that nothing tidies the wire. */
export async function openFixture(variant: Variant, onChange: (kind: 'tools' | 'prompts') => void = () => {}) {
  const added = { tools: 0, prompts: 0 };
  const extra = (kind: 'tools' | 'prompts', rest: Json) =>
    Array.from({ length: added[kind] }, (_, index) => ({ name: `added_${index + 1}`, description: 'Added at run time', ...rest }));

  const answers: Answers = {
    changed(kind) {
      added[kind]++;
      onChange(kind);
    },
    async answer(method, params, exchange) {
      switch (method) {
        case 'tools/list':
          return {
            tools: [...tools.map(({ run: _run, ...definition }) => definition), ...extra('tools', { inputSchema: { type: 'object' } })],
          };
        case 'prompts/list':
          return { prompts: [...prompts.map(({ run: _run, ...definition }) => definition), ...extra('prompts', {})] };
        case 'resources/list':
          return { resources: [...resources, ...skillResources] };
        case 'resources/templates/list':
          return { resourceTemplates };
        case 'resources/read': {
          const uri = String(params['uri']);
          const content = readResource(uri) ?? readSkillFile(uri);
          if (!content) throw new Refused(-32002, 'Resource not found', { uri: params['uri'] });
          return { contents: [content] };
        }
        case 'completion/complete':
          return { completion: { values: ['paris', 'park', 'party'], total: 3, hasMore: false } };
        case 'tools/call':
        case 'prompts/get': {
          const target = (method === 'tools/call' ? tools : prompts).find((definition) => definition.name === params['name']);
          if (!target) throw new Refused(-32602, `Unknown: ${String(params['name'])}`);
          return await target.run(exchange);
        }
        default: {
          const answered = answerSkills(method, params);
          if (answered) return answered;
          throw new Refused(-32601, `Method not found: ${method}`);
        }
      }
    },
  };

  const legacy = openLegacyWire(answers);
  const modern = openModernWire(answers);
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST') {
        if (variant === 'modern') response.writeHead(405).end();
        else legacy.other(request, response);
        return;
      }
      const message = { params: {}, ...(JSON.parse(Buffer.concat(chunks).toString('utf8')) as object) } as Posted;
      const meta = message.params['_meta'] as Json | undefined;
      const isModern = meta?.['io.modelcontextprotocol/protocolVersion'] !== undefined;
      const wire = variant === 'dual' ? (isModern ? modern : legacy) : variant === 'modern' ? modern : legacy;
      void wire.post(request, response, message);
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

/** One event of a stream (WHATWG HTML, "Server-sent events"). */
export const event = (message: Json, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`;

export function sendJson(response: http.ServerResponse, status: number, message: Json, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify({ jsonrpc: '2.0', ...message }));
}

export const errorOf = (error: unknown): Json =>
  error instanceof Refused
    ? { code: error.code, message: error.message, ...(error.data === undefined ? {} : { data: error.data }) }
    : { code: -32603, message: String(error) };
