import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv } from './paths.ts';

/**
 * `[mcp_servers.NAME]` of `config.toml` in `CODEX_HOME`, else `~/.codex`. Source: `codex mcp list` of 0.169.0 shows our entry, with "Bearer token"
 * (test/interop/connect.test.ts). `bearer_token_env_var` would keep the token out of the file, but needs a variable where Codex starts.
 */
export const codex: Client = {
  id: 'codex',
  title: 'Codex',
  programs: ['codex'],
  traces: (machine) => [fromEnv(machine, 'CODEX_HOME') ?? join(machine.home, '.codex')],
  config: {
    files: (machine) => [join(fromEnv(machine, 'CODEX_HOME') ?? join(machine.home, '.codex'), 'config.toml')],
    language: 'toml',
    container: 'mcp_servers',
    signsIn: true,
    ...urlAndHeaders({ url: 'url', headers: 'http_headers' }),
  },
};
