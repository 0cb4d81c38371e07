import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { app } from 'electron';
import { autostartEntry } from './autostart-entry.ts';

/** Makes the system start us at login, or not. Only an installed app: a checkout that registered itself would outlive its folder. */
export function startAtLogin(enabled: boolean): void {
  if (!app.isPackaged) return;
  if (process.platform === 'darwin') return app.setLoginItemSettings({ openAtLogin: enabled, type: 'mainAppService' });
  if (process.platform === 'win32')
    return app.setLoginItemSettings({ openAtLogin: enabled, enabled, path: process.execPath, args: ['--hidden'] });
  const folder = join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'autostart');
  const file = join(folder, 'gatehouse.desktop');
  if (!enabled) return rmSync(file, { force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, autostartEntry(process.execPath));
}
