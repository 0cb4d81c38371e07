import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { commandAndArgs } from './entry.ts';
import { appData, local } from './paths.ts';

const folders = (machine: Machine): string[] => [
  join(appData(machine), 'Claude'),
  ...(machine.platform === 'win32' ? [join(local(machine), 'Packages', 'Claude_pzs8sxrjxfjjc', 'LocalCache', 'Roaming', 'Claude')] : []),
];

/**
 * Reads `claude_desktop_config.json`, which knows programs to start (stdio) and no URLs; its connectors are reached from the maker's servers, which cannot
 * reach this machine. So it is given our stdio bridge. The Store build keeps its files in its package's folder, `Claude_pzs8sxrjxfjjc`:
 * docker/mcp-gateway#424.
 */
export const claudeDesktop: Client = {
  id: 'claude-desktop',
  title: 'Claude Desktop',
  programs: [],
  traces: (machine) => [...folders(machine), ...(machine.platform === 'win32' ? [join(local(machine), 'AnthropicClaude')] : [])],
  config: {
    files(machine) {
      const [usual, store] = folders(machine).map((folder) => join(folder, 'claude_desktop_config.json'));
      // Where the Store build's folder is, the other one is not read.
      return store !== undefined && existsSync(dirname(store)) ? [store, usual!] : [usual!, ...(store === undefined ? [] : [store])];
    },
    language: 'jsonc',
    container: 'mcpServers',
    ...commandAndArgs,
  },
};
