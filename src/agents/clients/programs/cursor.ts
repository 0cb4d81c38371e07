import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';

/** `mcpServers` of `~/.cursor/mcp.json`, on all systems. Source: guides that cite cursor.com/docs/mcp (skryvo on dev.to, October 2026). It was not run. */
export const cursor: Client = {
  id: 'cursor',
  title: 'Cursor',
  programs: ['cursor', 'cursor-agent'],
  traces: ({ home }) => [join(home, '.cursor')],
  config: {
    files: ({ home }) => [join(home, '.cursor', 'mcp.json')],
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'url', headers: 'headers' }),
  },
};
