import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv } from './paths.ts';

/**
 * User scope: `mcpServers` of `~/.claude.json`, or of `.claude.json` in `CLAUDE_CONFIG_DIR`. Source: what `claude mcp add --scope user` of 2.1.330 writes;
 * `claude mcp list` shows our entry (test/interop/connect.test.ts). It takes `FILE.lock` while it writes, as its program says.
 */
export const claudeCode: Client = {
  id: 'claude-code',
  title: 'Claude Code',
  programs: ['claude'],
  traces: (machine) => [fromEnv(machine, 'CLAUDE_CONFIG_DIR') ?? join(machine.home, '.claude'), join(machine.home, '.claude.json')],
  // Local scope: what `claude mcp add` writes without `--scope`.
  alsoReads: (machine) => [
    {
      file: join(fromEnv(machine, 'CLAUDE_CONFIG_DIR') ?? machine.home, '.claude.json'),
      language: 'jsonc',
      path: ['projects', '*', 'mcpServers'],
    },
  ],
  config: {
    files: (machine) => [join(fromEnv(machine, 'CLAUDE_CONFIG_DIR') ?? machine.home, '.claude.json')],
    language: 'jsonc',
    container: 'mcpServers',
    locks: true,
    signsIn: true,
    ...urlAndHeaders({ url: 'url', headers: 'headers', fixed: { type: 'http' } }),
  },
};
