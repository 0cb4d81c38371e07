import { join } from 'node:path';
import type { Client } from './client.ts';
import { appData } from './paths.ts';

/**
 * Nothing is written. Junie reads `~/.junie/mcp/mcp.json` (vaadin.com/docs, "Junie"), but its maker's help (jetbrains.com/help/junie) has it start programs
 * only (stdio). AI Assistant keeps its servers among the settings of each IDE, in a form that no documentation describes.
 */
export const jetbrains: Client = {
  id: 'jetbrains',
  title: 'JetBrains IDEs',
  programs: ['junie', 'idea', 'pycharm', 'webstorm', 'goland', 'rider', 'clion', 'phpstorm'],
  traces: (machine) => [join(machine.home, '.junie'), join(appData(machine), 'JetBrains')],
  alsoReads: ({ home }) => [{ file: join(home, '.junie', 'mcp', 'mcp.json'), language: 'jsonc', path: ['mcpServers'] }],
  instead:
    'Junie starts local programs only, and AI Assistant keeps its servers in each IDE. Copy the configuration of our bridge from "Add agent", for AI Assistant at Settings, Tools, AI Assistant, Model Context Protocol in the IDE.',
};
