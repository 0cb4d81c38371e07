import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { appData, local } from './paths.ts';

const folders = (machine: Machine): string[] => [
  join(appData(machine), 'Claude'),
  ...(machine.platform === 'win32' ? [join(local(machine), 'Packages', 'Claude_pzs8sxrjxfjjc', 'LocalCache', 'Roaming', 'Claude')] : []),
];

/**
 * Reads `claude_desktop_config.json`, which knows programs to start (stdio) and no URLs; its connectors are reached from the maker's servers, which cannot
 * reach this machine. So nothing is written until there is a program of ours to start (the stdio bridge). The Store build keeps its files in its package's
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
    'Claude Desktop starts local programs only and refuses addresses of this machine. Gatehouse has no such program yet; until then "Add agent" shows how to connect it with mcp-remote.',
};
