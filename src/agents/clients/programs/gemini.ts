import { join } from 'node:path';
import type { Client } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv } from './paths.ts';

/**
 * `mcpServers` of `~/.gemini/settings.json`; `GEMINI_CLI_HOME` stands for the home. Source: what `gemini mcp add --scope user` of 0.61.0 writes;
 * `gemini mcp list` shows our entry (test/interop/connect.test.ts).
 */
export const gemini: Client = {
  id: 'gemini',
  title: 'Gemini CLI',
  programs: ['gemini'],
  traces: (machine) => [join(fromEnv(machine, 'GEMINI_CLI_HOME') ?? machine.home, '.gemini', 'settings.json')],
  config: {
    files: (machine) => [join(fromEnv(machine, 'GEMINI_CLI_HOME') ?? machine.home, '.gemini', 'settings.json')],
    language: 'jsonc',
    container: 'mcpServers',
    signsIn: true,
    ...urlAndHeaders({ url: 'url', headers: 'headers', after: { type: 'http' } }),
  },
};
