import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv } from './paths.ts';

/**
 * `mcpServers` of `mcp-config.json` in `~/.copilot`, or in `COPILOT_HOME`; `tools` says which may be used. Source: what `copilot mcp add` of 1.0.102
 * writes; `copilot mcp list` shows our entry (test/interop/connect.test.ts).
 */
export const copilotCli: Client = {
  id: 'copilot-cli',
  title: 'Copilot CLI',
  programs: ['copilot'],
  traces: (machine) => [fromEnv(machine, 'COPILOT_HOME') ?? join(machine.home, '.copilot')],
  config: {
    files: (machine) => [join(fromEnv(machine, 'COPILOT_HOME') ?? join(machine.home, '.copilot'), 'mcp-config.json')],
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'url', headers: 'headers', fixed: { tools: ['*'], type: 'http' } }),
  },
};
