import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv } from './paths.ts';

const folder = (machine: Machine) => fromEnv(machine, 'QWEN_HOME') ?? join(machine.home, '.qwen');

/**
 * `mcpServers` of `~/.qwen/settings.json`. Source: what `qwen mcp add --scope user` of 0.15.10 writes; `qwen mcp list` shows our entry
 * (test/interop/connect.test.ts).
 */
export const qwen: Client = {
  id: 'qwen-code',
  title: 'Qwen Code',
  programs: ['qwen'],
  traces: (machine) => [folder(machine)],
  config: {
    files: (machine) => [join(folder(machine), 'settings.json')],
    language: 'jsonc',
    container: 'mcpServers',
    ...urlAndHeaders({ url: 'httpUrl', headers: 'headers' }),
  },
};
