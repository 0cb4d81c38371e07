import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { fromEnv, roaming, xdgConfig } from './paths.ts';

/** Source: block/goose, crates/goose/src/config/paths.rs, and its documentation, "Configuration Overview": also macOS has it in `~/.config`. */
function folder(machine: Machine): string {
  const root = fromEnv(machine, 'GOOSE_PATH_ROOT');
  if (root !== undefined) return join(root, 'config');
  return machine.platform === 'win32' ? join(roaming(machine), 'Block', 'goose', 'config') : join(xdgConfig(machine), 'goose');
}

/**
 * `extensions` of `config.yaml`. Source of the form: block/goose, documentation, "Config Entry" (name, enabled, type, timeout in seconds), and for `uri` and
 * `headers` of type `streamable_http` a client generated from its schema and the npm package add-mcp 2.4.0. It was not run.
 */
export const goose: Client = {
  id: 'goose',
  title: 'Goose',
  programs: ['goose'],
  traces: (machine) => [folder(machine)],
  config: {
    files: (machine) => [join(folder(machine), 'config.yaml')],
    language: 'yaml',
    container: 'extensions',
    ...urlAndHeaders({
      url: 'uri',
      headers: 'headers',
      fixed: { enabled: true, type: 'streamable_http', name: 'gatehouse', description: 'Governed tools of your company' },
      after: { timeout: 300 },
    }),
  },
};
