import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv } from './paths.ts';
import { vscodeUser } from './vscode.ts';

const extension = (machine: Machine) => join(vscodeUser(machine), 'globalStorage', 'saoudrizwan.claude-dev');
const commandLine = (machine: Machine) => fromEnv(machine, 'CLINE_DIR') ?? join(machine.home, '.cline');

/**
 * `mcpServers` of `cline_mcp_settings.json`: of the extension in VS Code, or of its command line. Source: docs.cline.bot/mcp/mcp-overview, and the table of
 * the npm package add-mcp 2.4.0, which has both paths and `streamableHttp`. It was not run.
 */
export const cline: Client = {
  id: 'cline',
  title: 'Cline',
  programs: ['cline'],
  traces: (machine) => [extension(machine), commandLine(machine)],
  config: {
    files(machine) {
      const named = fromEnv(machine, 'CLINE_MCP_SETTINGS_PATH');
      return [
        ...(named === undefined ? [] : [named]),
        join(extension(machine), 'settings', 'cline_mcp_settings.json'),
        join(commandLine(machine), 'data', 'settings', 'cline_mcp_settings.json'),
      ];
    },
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'url', headers: 'headers', fixed: { type: 'streamableHttp' }, after: { disabled: false } }),
  },
};
