import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv } from './paths.ts';
import { vscodeUser } from './vscode.ts';

const extension = (machine: Machine) => join(vscodeUser(machine), 'globalStorage', 'saoudrizwan.claude-dev');
const shared = (machine: Machine) => fromEnv(machine, 'CLINE_DIR') ?? join(machine.home, '.cline');

/**
 * `mcpServers` of `cline_mcp_settings.json` in `~/.cline/data/settings`, which extension and command line share, or where `CLINE_MCP_SETTINGS_PATH`,
 * `CLINE_DATA_DIR` or `CLINE_DIR` say. Source: the maker's npm packages @cline/shared 0.0.86 (path) and @cline/core of cline 3.0.65 (`streamableHttp`, `url`,
 * `headers`, `disabled`). Older versions of the extension keep it in VS Code's storage, which is edited only where the file is there and the other is not. It
 * was not run: it has no command that lists.
 */
export const cline: Client = {
  id: 'cline',
  title: 'Cline',
  programs: ['cline'],
  traces: (machine) => [extension(machine), shared(machine)],
  config: {
    files(machine) {
      const data = fromEnv(machine, 'CLINE_DATA_DIR') ?? join(shared(machine), 'data');
      return [
        fromEnv(machine, 'CLINE_MCP_SETTINGS_PATH') ?? join(data, 'settings', 'cline_mcp_settings.json'),
        join(extension(machine), 'settings', 'cline_mcp_settings.json'),
      ];
    },
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'url', headers: 'headers', fixed: { type: 'streamableHttp' }, after: { disabled: false } }),
  },
};
