import { gateName } from '../../bundle/agents.ts';
import type { ManagedAgent } from './agent.ts';
import { asHttp } from './claude-code.ts';

/**
 * `mcp.allowed` and `mcpServers` of the system settings: the first has names alone, so each is defined as well, which takes the place of a person's entry of that
 * name. Source: docs/cli/enterprise.md in the package, its program for the flag and the variable of the note, and `gemini mcp list` of 0.61.0 (test/interop/managed.test.ts). The entry of `gatehouse connect` is
 * replaced with its token, so Gemini CLI signs in by itself.
 */
export const gemini: ManagedAgent = {
  id: 'gemini',
  title: 'Gemini CLI',
  clients: ['gemini'],
  file: {
    linux: '/etc/gemini-cli/settings.json',
    darwin: '/Library/Application Support/GeminiCli/settings.json',
    win32: '/ProgramData/gemini-cli/settings.json',
  },
  language: 'jsonc',
  members: ({ origin, others }) => [
    { container: 'mcp', name: 'allowed', value: [gateName, ...others.map(({ name }) => name)] },
    { container: 'mcpServers', name: gateName, value: { url: `${origin}/mcp`, type: 'http' } },
    ...others.map((each) => ({
      container: 'mcpServers',
      name: each.name,
      value: 'url' in each ? { url: each.url, type: 'http' } : { command: each.command[0], args: each.command.slice(1) },
    })),
  ],
  trial: {
    args: ['mcp', 'list'],
    file: '.gemini/settings.json',
    config: (servers) => JSON.stringify({ mcpServers: asHttp(servers) }),
    takes: (said, name) => new RegExp(`^\\W*${name}: (?!.*Blocked)`, 'm').test(said),
  },
  note: `A person gets around it with --allowed-mcp-server-names, or with another file in GEMINI_CLI_SYSTEM_SETTINGS_PATH. It signs in to the gateway by itself: /mcp auth ${gateName}`,
};
