import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';

/**
 * `mcpServers` of `~/.codeium/windsurf/mcp_config.json`, on all systems; a remote server's address is `serverUrl`. Source: guides of vendors whose servers
 * are used from it (hexdocs.pm/tidewave/windsurf.html). Its own documentation was not at hand, and it was not run.
 */
export const windsurf: Client = {
  id: 'windsurf',
  title: 'Windsurf',
  programs: ['windsurf'],
  traces: ({ home }) => [join(home, '.codeium', 'windsurf')],
  config: {
    files: ({ home }) => [join(home, '.codeium', 'windsurf', 'mcp_config.json')],
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'serverUrl', headers: 'headers' }),
  },
};
