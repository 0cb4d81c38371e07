import { gateName } from '../../bundle/agents.ts';
import type { ManagedAgent } from './agent.ts';

const exactly = (value: string) => ({ match: 'exact', value });

/**
 * `[mcp_servers.NAME]` with an `identity` in `requirements.toml`: a server is enabled where its name and what it is both match, and no other. Source: `codex mcp
 * list` of 0.169.0 (test/interop/managed.test.ts); a file that it cannot read keeps it from starting. The path on Windows is from documentation.
 */
export const codex: ManagedAgent = {
  id: 'codex',
  title: 'Codex',
  clients: ['codex'],
  file: {
    linux: '/etc/codex/requirements.toml',
    darwin: '/etc/codex/requirements.toml',
    win32: '/ProgramData/OpenAI/Codex/requirements.toml',
  },
  language: 'toml',
  members: ({ origin, others }) =>
    [
      { name: gateName, identity: { url: { match: 'prefix', value: `${origin}/` } } },
      ...others.map((each) =>
        'url' in each
          ? { name: each.name, identity: { url: each.url } }
          : { name: each.name, identity: { command: { executable: each.command[0], args: each.command.slice(1).map(exactly) } } },
      ),
    ].map(({ name, identity }) => ({ container: 'mcp_servers', name, value: { identity } })),
  trial: {
    args: ['mcp', 'list'],
    file: '.codex/config.toml',
    config: (servers) =>
      Object.entries(servers)
        .map(([name, url]) => `[mcp_servers.${name}]\nurl = ${JSON.stringify(url)}\n`)
        .join('\n'),
    takes: (said, name) => new RegExp(`^${name} .* enabled`, 'm').test(said),
  },
  widened(document, { others }) {
    const ours = [gateName, ...others.map(({ name }) => name)];
    const more = Object.keys((document['mcp_servers'] ?? {}) as object).find((name) => !ours.includes(name));
    return more === undefined ? undefined : `it allows "${more.slice(0, 64)}" as well`;
  },
  note: `The gateway is allowed under the name "${gateName}" alone. Requirements that the company keeps at OpenAI go before this file.`,
};
