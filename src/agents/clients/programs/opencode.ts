import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv, xdgConfig } from './paths.ts';

const folder = (machine: Machine) => fromEnv(machine, 'OPENCODE_CONFIG_DIR') ?? join(xdgConfig(machine), 'opencode');

/**
 * `mcp` of `opencode.jsonc` or `opencode.json`, in `~/.config/opencode` on all systems. Source: what `opencode mcp add` of 1.18.33 writes; `opencode mcp
 * list` connects with our entry (test/interop/connect.test.ts).
 */
export const opencode: Client = {
  id: 'opencode',
  title: 'opencode',
  programs: ['opencode'],
  traces: (machine) => [folder(machine)],
  config: {
    files: (machine) => [join(folder(machine), 'opencode.jsonc'), join(folder(machine), 'opencode.json')],
    language: 'jsonc',
    container: 'mcp',
    signsIn: true,
    ...urlAndHeaders({ url: 'url', headers: 'headers', fixed: { type: 'remote' }, after: { enabled: true } }),
  },
};
