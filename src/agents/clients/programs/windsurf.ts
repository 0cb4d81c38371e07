import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';

/**
 * `mcpServers` of `~/.codeium/windsurf/mcp_config.json`, on all systems; a remote server's address is `serverUrl` or `url`. Source:
 * docs.windsurf.com/windsurf/cascade/mcp, "mcp_config.json" and "Remote HTTP MCPs". It was not run. Its plugin for other editors reads another file
 * (`~/.codeium/mcp_config.json`), which is only looked at.
 */
export const windsurf: Client = {
  id: 'windsurf',
  title: 'Windsurf',
  programs: ['windsurf'],
  traces: ({ home }) => [join(home, '.codeium', 'windsurf')],
  alsoReads: ({ home }) => [{ file: join(home, '.codeium', 'mcp_config.json'), language: 'jsonc', path: ['mcpServers'] }],
  config: {
    files: ({ home }) => [join(home, '.codeium', 'windsurf', 'mcp_config.json')],
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'serverUrl', headers: 'headers' }),
  },
};
