import { join } from 'node:path';
import type { ManagedAgent, Member } from './agent.ts';

/** What Claude Code and Copilot call the list: of an address with `*`, or of a command with all of its arguments. */
export const allowedMcpServers = ({ origin, others }: Parameters<ManagedAgent['members']>[0]): Member => ({
  name: 'allowedMcpServers',
  value: [
    { serverUrl: `${origin}/*` },
    ...others.map((each) => ('url' in each ? { serverUrl: each.url } : { serverCommand: each.command })),
  ],
});

/** Servers as they stand in the files of agents that keep them in JSON. */
export const asHttp = (servers: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(servers).map(([name, url]) => [name, { type: 'http', url }]));

/**
 * `allowedMcpServers` and `allowManagedMcpServersOnly` of `managed-settings.json`. Source: the schema in its program, 2.1.330, and what it does with them
 * (test/interop/managed.test.ts): the list holds for entries of people and projects and for `--mcp-config`; a list in `managed-settings.d` is added to it;
 * `managed-mcp.json` brings servers of its own; a file with comments is ignored whole.
 */
export const claudeCode: ManagedAgent = {
  id: 'claude-code',
  title: 'Claude Code',
  clients: ['claude-code'],
  file: {
    linux: '/etc/claude-code/managed-settings.json',
    darwin: '/Library/Application Support/ClaudeCode/managed-settings.json',
    win32: '/Program Files/ClaudeCode/managed-settings.json',
  },
  language: 'jsonc',
  plainJson: true,
  members: (list) => [allowedMcpServers(list), { name: 'allowManagedMcpServersOnly', value: true }],
  trial: {
    args: ['mcp', 'list'],
    file: '.claude.json',
    config: (servers) => JSON.stringify({ mcpServers: asHttp(servers) }),
    takes: (said, name) => new RegExp(`^${name}: `, 'm').test(said),
  },
  widened(_document, _list, { folder, names, object }) {
    const dropIns = join(folder, 'managed-settings.d');
    for (const name of names(dropIns).filter((each) => each.endsWith('.json') && !each.startsWith('.'))) {
      const settings = object(join(dropIns, name)) ?? {};
      const own = ['allowedMcpServers', 'allowManagedMcpServersOnly', 'managedMcpServers'].find((member) =>
        Object.hasOwn(settings, member),
      );
      if (own !== undefined) return `${join(dropIns, name)} has ${own} as well`;
    }
    return object(join(folder, 'managed-mcp.json')) === undefined
      ? undefined
      : `${join(folder, 'managed-mcp.json')} brings servers of its own`;
  },
};
