import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';

/**
 * `mcpServers` of `~/.lmstudio/mcp.json`, on all systems, in Cursor's notation. Source: lmstudio.ai/docs/app/mcp. Some versions keep it in
 * `~/.cache/lm-studio` (lmstudio-ai/lmstudio-bug-tracker#1371), which is edited only where the file is there. It was not run.
 */
export const lmStudio: Client = {
  id: 'lm-studio',
  title: 'LM Studio',
  programs: ['lms'],
  traces: ({ home }) => [join(home, '.lmstudio'), join(home, '.cache', 'lm-studio')],
  config: {
    files: ({ home }) => [join(home, '.lmstudio', 'mcp.json'), join(home, '.cache', 'lm-studio', 'mcp.json')],
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'url', headers: 'headers' }),
  },
};
