import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv, roaming, xdgConfig } from './paths.ts';

/** Source: zed-industries/zed, crates/paths/src/paths.rs, `config_dir`: also macOS keeps settings in `~/.config`. */
function folder(machine: Machine): string {
  if (machine.platform === 'win32') return join(roaming(machine), 'Zed');
  if (machine.platform === 'darwin') return join(machine.home, '.config', 'zed');
  return join(fromEnv(machine, 'FLATPAK_XDG_CONFIG_HOME') ?? xdgConfig(machine), 'zed');
}

/** `context_servers` of `settings.json`. Source: zed.dev/docs/ai/mcp, "As Custom Servers". It was not run. */
export const zed: Client = {
  id: 'zed',
  title: 'Zed',
  programs: ['zed', 'zeditor'],
  traces: (machine) => [folder(machine)],
  config: {
    files: (machine) => [join(folder(machine), 'settings.json')],
    language: 'jsonc',
    container: 'context_servers',
    ...urlAndHeaders({ url: 'url', headers: 'headers' }),
  },
};
