import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultDataDir } from '../shell/data-dir.ts';
import { cliEntry, installRoot } from '../shell/install.ts';

/** Where the installers put the app. */
const apps: Partial<Record<NodeJS.Platform, (env: NodeJS.ProcessEnv) => string>> = {
  darwin: () => '/Applications/Gatehouse.app/Contents/MacOS/Gatehouse',
  win32: (env) => join(env['ProgramFiles'] ?? 'C:\\Program Files', 'Gatehouse', 'Gatehouse.exe'),
  linux: () => '/opt/Gatehouse/gatehouse',
};

/** The program that holds a data folder: the app where it is installed, which has the usual folder, else the shell without a screen beside this program. */
export function hostProgram(
  dataDir: string,
  machine: { env: NodeJS.ProcessEnv; platform: NodeJS.Platform; exists(file: string): boolean } = {
    env: process.env,
    platform: process.platform,
    exists: existsSync,
  },
): [command: string, ...args: string[]] | undefined {
  const app = apps[machine.platform]?.(machine.env);
  if (app !== undefined && machine.exists(app) && dataDir === defaultDataDir(machine.env, machine.platform)) return [app, '--hidden'];
  if (!machine.exists(cliEntry())) return undefined;
  // From source the window may not be built.
  const window = machine.exists(join(installRoot(), 'dist', 'renderer', 'index.html')) ? [] : ['--no-ui'];
  return [process.execPath, cliEntry(), 'serve', '--data', dataDir, ...window];
}

/** Starts it so that it outlives us and the agent. Of several that are started at once, one gets the folder, and the others end. False: there is none. */
export function startHost(dataDir: string): boolean {
  const [command, ...args] = hostProgram(dataDir) ?? [];
  if (command === undefined) return false;
  // What an agent sets for the servers that it starts is for them.
  const { NODE_OPTIONS: _, ELECTRON_RUN_AS_NODE: __, ...env } = process.env;
  const child = spawn(command, args, { detached: true, stdio: 'ignore', env, windowsHide: true });
  child.on('error', () => {});
  child.unref();
  return true;
}
