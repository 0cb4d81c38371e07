import { join } from 'node:path';
import type { Client } from './client.ts';
import { commandAndArgs } from './entry.ts';
import { appData } from './paths.ts';

/**
 * Junie reads `~/.junie/mcp/mcp.json` (vaadin.com/docs, "Junie"); its maker's help (jetbrains.com/help/junie) has it start programs only (stdio). AI
 * Assistant keeps its servers among the settings of each IDE, in a form that no documentation describes: nothing is written there.
 */
export const jetbrains: Client = {
  id: 'jetbrains',
  title: 'JetBrains Junie',
  programs: ['junie', 'idea', 'pycharm', 'webstorm', 'goland', 'rider', 'clion', 'phpstorm'],
  traces: (machine) => [join(machine.home, '.junie'), join(appData(machine), 'JetBrains')],
  config: {
    files: ({ home }) => [join(home, '.junie', 'mcp', 'mcp.json')],
    language: 'jsonc',
    container: 'mcpServers',
    ...commandAndArgs,
  },
};
