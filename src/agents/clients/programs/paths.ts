import { isAbsolute, join } from 'node:path';
import type { Machine } from './client.ts';

/** An absolute path of the environment; anything else there counts as not set. */
export function fromEnv({ env }: Machine, name: string): string | undefined {
  const value = env[name];
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

/** XDG Base Directory Specification: `~/.config` unless the environment names an absolute path. */
export const xdgConfig = (machine: Machine): string => fromEnv(machine, 'XDG_CONFIG_HOME') ?? join(machine.home, '.config');

/** Windows' folder of settings that move with the person (`FOLDERID_RoamingAppData`). */
export const roaming = (machine: Machine): string => fromEnv(machine, 'APPDATA') ?? join(machine.home, 'AppData', 'Roaming');

/** Windows' folder of settings that stay on the machine (`FOLDERID_LocalAppData`). */
export const local = (machine: Machine): string => fromEnv(machine, 'LOCALAPPDATA') ?? join(machine.home, 'AppData', 'Local');

/** Where Electron applications keep settings: `app.getPath('appData')`. */
export function appData(machine: Machine): string {
  if (machine.platform === 'win32') return roaming(machine);
  if (machine.platform === 'darwin') return join(machine.home, 'Library', 'Application Support');
  return xdgConfig(machine);
}
