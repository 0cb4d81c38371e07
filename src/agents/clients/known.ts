import type { AgentConfig } from '../../contract/agents.ts';

interface Given {
  url: string;
  /** The agent's name in Gatehouse. */
  name: string;
  /** Known only in the moment it was made. Without the token, the text says where it goes. */
  token: string;
  /** The command that starts the stdio bridge, with its arguments. */
  bridge: readonly [string, ...string[]];
  /** The variable that holds the token, where the client can read one. */
  variable: string;
}

const standIn = 'gha_YOUR_TOKEN';

/**
 * Ready-to-paste configuration for the agents we know, in the order people use them. Where a client can read the token from its
 * environment or ask for it, the text holds no secret, and the note says where the secret goes.
 */
export function agentConfigs(connection: Pick<Given, 'url' | 'name' | 'bridge'> & { token?: string | undefined }): AgentConfig[] {
  const { url, name, bridge } = connection;
  const filled: Given = { url, name, bridge, token: connection.token ?? standIn, variable: variableOf(name) };
  return table.map(({ id, title, file, language, text, note }) => ({
    id,
    title,
    ...(file === undefined ? {} : { file }),
    language,
    text: text(filled),
    note: note(filled),
  }));
}

/** Each agent has its own credential, so each has its own variable: `GATEHOUSE_TOKEN_` and the name in capitals. */
export function variableOf(name: string): string {
  return `GATEHOUSE_TOKEN_${name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_')}`;
}

interface Known {
  id: string;
  title: string;
  file?: string;
  language: AgentConfig['language'];
  text(connection: Given): string;
  note(connection: Given): string;
}

const table: readonly Known[] = [
  {
    id: 'claude-code',
    title: 'Claude Code',
    language: 'shell',
    text: ({ url, token }) =>
      `claude mcp add --transport http --scope user gatehouse ${shell(url)} --header ${shell(`Authorization: Bearer ${token}`)}`,
    note: () =>
      'Run it once in a terminal. It writes the token into ~/.claude.json, which only you can read, and perhaps into the history of your shell; the next form avoids both.',
  },
  {
    id: 'claude-code-json',
    title: 'Claude Code, token from the environment',
    file: '.mcp.json',
    language: 'json',
    text: ({ url, variable }) =>
      json({ mcpServers: { gatehouse: { type: 'http', url, headers: { Authorization: `Bearer \${${variable}}` } } } }),
    note: (connection) => `Goes into the project's folder and is safe to commit. ${setVariable(connection, 'Claude Code')}`,
  },
  {
    id: 'vscode',
    title: 'VS Code',
    file: 'mcp.json (command "MCP: Open User Configuration")',
    language: 'json',
    text: ({ url, name }) =>
      json({
        inputs: [{ type: 'promptString', id: 'gatehouse-token', description: `Gatehouse token of the agent ${name}`, password: true }],
        servers: { gatehouse: { type: 'http', url, headers: { Authorization: `Bearer \${input:gatehouse-token}` } } },
      }),
    note: ({ token }) => `VS Code asks for the token when it first connects and keeps it in its own secret storage. The token is ${token}`,
  },
  {
    id: 'cursor',
    title: 'Cursor',
    file: '~/.cursor/mcp.json',
    language: 'json',
    text: ({ url, variable }) => json({ mcpServers: { gatehouse: { url, headers: { Authorization: `Bearer \${env:${variable}}` } } } }),
    note: (connection) => setVariable(connection, 'Cursor'),
  },
  {
    id: 'codex',
    title: 'Codex',
    file: '~/.codex/config.toml',
    language: 'toml',
    // A JSON string is a TOML basic string, too.
    text: ({ url, variable }) => `[mcp_servers.gatehouse]\nurl = ${JSON.stringify(url)}\nbearer_token_env_var = "${variable}"\n`,
    note: (connection) => setVariable(connection, 'Codex'),
  },
  {
    id: 'gemini',
    title: 'Gemini CLI',
    file: '~/.gemini/settings.json',
    language: 'json',
    text: ({ url, variable }) =>
      json({ mcpServers: { gatehouse: { httpUrl: url, headers: { Authorization: `Bearer \${${variable}}` } } } }),
    note: (connection) =>
      `Merge it into what the file holds already. ${setVariable(connection, 'Gemini CLI')} A line in ~/.gemini/.env does as well.`,
  },
  {
    id: 'claude-desktop',
    title: 'Claude Desktop',
    file: 'claude_desktop_config.json (Settings, Developer, Edit Config)',
    language: 'json',
    text: ({ bridge: [command, ...args] }) => json({ mcpServers: { gatehouse: { command, args } } }),
    note: () => `Claude Desktop starts local programs only. This is one of ours, ${askedFor('Claude Desktop')}`,
  },
  {
    id: 'jetbrains',
    title: 'JetBrains IDEs, Junie',
    file: '~/.junie/mcp/mcp.json, or Settings, Tools, AI Assistant, Model Context Protocol',
    language: 'json',
    text: ({ bridge: [command, ...args] }) => json({ mcpServers: { gatehouse: { command, args } } }),
    note: () => `Junie starts local programs only. This is one of ours, ${askedFor('the IDE')}`,
  },
];

const askedFor = (client: string) =>
  `and holds no token: start ${client} anew, then allow it here among the agents that wait. The token above is not needed for it.`;

function setVariable({ variable, token }: Given, client: string): string {
  return `${client} reads the token from the variable ${variable}. Set it where ${client} starts, then restart it: export ${variable}=${token} (Windows: setx ${variable} ${token})`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** Double quotes are the one form that a POSIX shell, PowerShell and cmd share. Characters that are special inside them are left out. */
function shell(text: string): string {
  return /^[A-Za-z0-9:/._-]+$/.test(text) ? text : `"${text.replaceAll(/["\\$`%]/g, '')}"`;
}
