import { join } from 'node:path';
import type { Client, Machine } from './client.ts';
import { urlAndHeaders } from './entry.ts';
import { appData } from './paths.ts';

/** The folder of the default profile. Source: code.visualstudio.com/docs/configure/settings, "Settings file locations". */
export const vscodeUser = (machine: Machine): string => join(appData(machine), 'Code', 'User');

/**
 * `servers` of `mcp.json` in the folder of the default profile; `type` is needed. Source: code.visualstudio.com/docs/copilot/reference/mcp-configuration.
 * Other profiles have files of their own, which are left alone. It was not run.
 */
export const vscode: Client = {
  id: 'vscode',
  title: 'VS Code',
  programs: ['code'],
  traces: (machine) => [vscodeUser(machine)],
  // Before it had a file of its own, the list stood among the settings; that place is still read.
  alsoReads: (machine) => [{ file: join(vscodeUser(machine), 'settings.json'), language: 'jsonc', path: ['mcp', 'servers'] }],
  config: {
    files: (machine) => [join(vscodeUser(machine), 'mcp.json')],
    language: 'jsonc',
    container: 'servers',
    ...urlAndHeaders({ url: 'url', headers: 'headers', fixed: { type: 'http' } }),
  },
};
