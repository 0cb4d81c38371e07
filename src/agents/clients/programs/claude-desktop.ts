import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { appData, local } from './paths.ts';

const folders = (machine: Machine): string[] => [
  join(appData(machine), 'Claude'),
  ...(machine.platform === 'win32' ? [join(local(machine), 'Packages', 'Claude_pzs8sxrjxfjjc', 'LocalCache', 'Roaming', 'Claude')] : []),
];

/**
 * Reads `claude_desktop_config.json`, which knows programs to start (stdio) and no URLs; its connectors are reached from the maker's servers, which cannot
 * reach this machine. It can start our stdio bridge, whose entry is copied by hand today: what is written by itself is proven by its URL. The Store build keeps its files in its package's
 * folder, `Claude_pzs8sxrjxfjjc`: docker/mcp-gateway#424.
 */
export const claudeDesktop: Client = {
  id: 'claude-desktop',
  title: 'Claude Desktop',
  programs: [],
  traces: (machine) => [...folders(machine), ...(machine.platform === 'win32' ? [join(local(machine), 'AnthropicClaude')] : [])],
  alsoReads: (machine) =>
    folders(machine).map((folder) => ({ file: join(folder, 'claude_desktop_config.json'), language: 'jsonc', path: ['mcpServers'] })),
  instead:
    'Claude Desktop starts local programs only and refuses addresses of this machine. "Add agent" shows the configuration of our bridge, which needs no token; connecting by itself is not built yet.',
};
