import type { IncomingMessage, ServerResponse } from 'node:http';
import { type NodeIncomingMessageLike, type NodeServerResponseLike, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type McpHttpHandler, type McpServerFactory } from '@modelcontextprotocol/server';

/** One demo server behind one path: what it answers, and how it ends. */
export interface Site {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  close(): Promise<void>;
}

/** Serves 2026-07-28 per request; 2025-era clients get the SDK's stateless fallback. The factory runs once per request, so it must be cheap. */
export function perRequestSite(factory: McpServerFactory): Site & Pick<McpHttpHandler, 'notify'> {
  const handler = createMcpHandler(factory);
  const serve = toNodeHandler(handler);
  return {
    handle: (request, response) => serve(request as NodeIncomingMessageLike, response as NodeServerResponseLike),
    close: () => handler.close(),
    notify: handler.notify,
  };
}

/** A tool's answer for people and programs alike: the same value as text and as structured content. */
export const structured = (value: Record<string, unknown>) => ({
  content: [{ type: 'text' as const, text: JSON.stringify(value, undefined, 2) }],
  structuredContent: value,
});

/** What went wrong, as a tool result that a model can read and act on. */
export const refusal = (text: string) => ({ content: [{ type: 'text' as const, text }], isError: true });
