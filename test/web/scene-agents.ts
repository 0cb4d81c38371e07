import type { AgentConfig, AgentDetected, AgentOutputs, AgentRow } from '../../src/contract/agents.ts';
import type { ConsentRequest } from '../../src/contract/consent.ts';
import type { ShadowOutputs } from '../../src/contract/shadow.ts';

const before = (ms: number) => new Date(Date.now() - ms).toISOString();
const day = 86_400_000;

export const agents = (): AgentRow[] => [
  {
    name: 'claude-code',
    createdAt: before(20 * day),
    lastSeenAt: before(3000),
    client: { name: 'Claude Code', version: '2.4.1' },
    era: 'legacy',
    sessions: 2,
    callsToday: 204,
  },
  {
    name: 'cursor',
    createdAt: before(9 * day),
    lastSeenAt: before(240_000),
    client: { name: 'Cursor', version: '3.1.0' },
    era: 'legacy',
    sessions: 1,
    callsToday: 61,
  },
  {
    name: 'vscode',
    createdAt: before(4 * day),
    lastSeenAt: before(2 * day),
    client: { name: 'Visual Studio Code', version: '1.121.0' },
    era: 'modern',
    sessions: 0,
    callsToday: 0,
  },
  { name: 'nightly report', createdAt: before(60_000), sessions: 0, callsToday: 0 },
  {
    name: 'old-laptop',
    createdAt: before(90 * day),
    revokedAt: before(30 * day),
    lastSeenAt: before(31 * day),
    sessions: 0,
    callsToday: 0,
  },
];

/** Some agents of another kind: limited, for a time, signed in by themselves. */
export const limitedAgents = (): AgentRow[] => [
  { ...agents()[0]!, servers: ['tickets', 'crm'], signIn: { client: 'https://claude.ai/oauth/claude-code-client-metadata', open: true } },
  { ...agents()[1]!, expiresAt: before(-6 * day) },
  { ...agents()[2]!, servers: ['tickets', 'crm', 'releases', 'gone'], expiresAt: before(day) },
  { name: 'opencode', createdAt: before(3 * day), sessions: 0, callsToday: 0, signIn: { client: 'k3J', open: false } },
];

const asked = (change: Partial<ConsentRequest>): ConsentRequest => ({
  id: 'KQ7-3MX',
  at: before(20_000),
  expiresAt: before(-580_000),
  client: { name: 'Claude Code', host: 'claude.ai' },
  redirect: { place: 'localhost', reach: 'machine' },
  name: 'Claude Code',
  ...change,
});

/** Agents that want to sign in: a known one, one that registered itself, one from the web. */
export const consents = (): ConsentRequest[] => [
  asked({ program: 'the program "claude" (process 4711) of the user "ada"' }),
  asked({ id: 'BWF-H49', client: { name: 'MCP CLI Proxy' }, name: 'MCP CLI Proxy', server: 'tickets', at: before(60_000) }),
  asked({
    id: 'ZT6-RRP',
    client: { name: 'Cursor agents with a name that goes on and on and is cut, I hope' },
    name: 'Cursor agents',
    redirect: { place: 'www.cursor.com', reach: 'web' },
    again: { servers: ['tickets'] },
    at: before(240_000),
  }),
];

/** A program that started the stdio bridge. */
export const bridged = (): ConsentRequest[] => [
  asked({
    id: 'HHW-94P',
    client: { name: 'claude-ai' },
    name: 'claude-ai',
    redirect: { place: 'its own pipe', reach: 'pipe' },
    program: 'the program "/Applications/Claude.app/Contents/MacOS/Claude" (process 815)',
  }),
];

export function configs(name: string, token = 'PASTE-THE-TOKEN-HERE'): AgentConfig[] {
  const url = 'http://127.0.0.1:4283/mcp';
  const json = (value: unknown) => JSON.stringify(value, null, 2);
  const headers = { Authorization: `Bearer ${token}` };
  return [
    {
      id: 'claude-code',
      title: 'Claude Code',
      language: 'shell',
      text: `claude mcp add --transport http gatehouse ${url} --header "Authorization: Bearer ${token}"`,
      note: 'Run it once; then type /mcp in Claude Code to see the tools.',
    },
    {
      id: 'vscode',
      title: 'VS Code',
      file: '~/.config/Code/User/mcp.json',
      language: 'json',
      text: json({ servers: { gatehouse: { type: 'http', url, headers } } }),
    },
    {
      id: 'cursor',
      title: 'Cursor',
      file: '~/.cursor/mcp.json',
      language: 'json',
      text: json({ mcpServers: { gatehouse: { url, headers } } }),
    },
    {
      id: 'codex',
      title: 'Codex',
      file: '~/.codex/config.toml',
      language: 'toml',
      text: `[mcp_servers.gatehouse]\nurl = "${url}"\nhttp_headers = { Authorization = "Bearer ${token}" }\n`,
      note: `Named ${name} in the activity.`,
    },
    {
      id: 'gemini',
      title: 'Gemini',
      file: '~/.gemini/settings.json',
      language: 'json',
      text: json({ mcpServers: { gatehouse: { httpUrl: url, headers } } }),
    },
  ];
}

const home = '/home/ada';

/** What was found on the machine: one of each state. */
export const detected = (): AgentDetected[] => [
  {
    id: 'claude-code',
    title: 'Claude Code',
    installed: true,
    file: `${home}/.claude.json`,
    state: 'connected',
    agent: 'claude-code',
    entry: 'gatehouse',
    repairedAt: before(3 * 3_600_000),
  },
  {
    id: 'claude-desktop',
    title: 'Claude Desktop',
    installed: true,
    file: `${home}/.config/Claude/claude_desktop_config.json`,
    state: 'not-connected',
  },
  { id: 'vscode', title: 'VS Code', installed: true, file: `${home}/.config/Code/User/mcp.json`, state: 'not-connected' },
  {
    id: 'cursor',
    title: 'Cursor',
    installed: true,
    file: `${home}/.cursor/mcp.json`,
    state: 'changed',
    why: 'Our entry was changed by somebody else.',
    agent: 'cursor',
    entry: 'gatehouse',
  },
  { id: 'windsurf', title: 'Windsurf', installed: false, file: `${home}/.codeium/windsurf/mcp_config.json`, state: 'not-connected' },
  {
    id: 'codex',
    title: 'Codex',
    installed: true,
    file: `${home}/.codex/config.toml`,
    state: 'not-connected',
    why: 'An entry "gatehouse" is there that Gatehouse did not write.',
    isTaken: true,
  },
  { id: 'gemini', title: 'Gemini CLI', installed: false, file: `${home}/.gemini/settings.json`, state: 'not-connected' },
  { id: 'goose', title: 'Goose', installed: false, file: `${home}/.config/goose/config.yaml`, state: 'not-connected' },
];

/** The gateway and nothing else: one agent of each state. */
export const policy = (): AgentOutputs['agents-policy'] => ({
  origin: 'http://127.0.0.1:4283',
  otherServers: [],
  agents: [
    { id: 'claude-code', title: 'Claude Code', installed: true, file: '/etc/claude-code/managed-settings.json', state: 'in-force' },
    {
      id: 'copilot',
      title: 'Copilot (VS Code, CLI)',
      installed: true,
      file: '/etc/github-copilot/managed-settings.json',
      state: 'missing',
      why: 'There is no such file.',
    },
    {
      id: 'codex',
      title: 'Codex',
      installed: true,
      file: '/etc/codex/requirements.toml',
      state: 'differs',
      why: 'It allows "files" as well.',
    },
    { id: 'gemini', title: 'Gemini CLI', installed: false, file: '/etc/gemini-cli/settings.json', state: 'missing' },
    { id: 'cursor', title: 'Cursor', installed: true, state: 'unsupported', why: 'No managed allow-list of it is known.' },
  ],
});

/** What agents have beside the gateway: with and without an equivalent, with secrets, switched off, and a file that cannot be read. */
export const beside = (): ShadowOutputs['agents-scan'] => ({
  servers: [
    {
      id: 'cursor',
      title: 'Cursor',
      file: `${home}/.cursor/mcp.json`,
      name: 'tickets',
      target: 'https://tickets.example.com/mcp?api_key=••••',
      secrets: [
        { where: 'url', name: 'api_key' },
        { where: 'header', name: 'Authorization' },
      ],
      equivalent: { id: 'tickets', title: 'Tickets' },
    },
    {
      id: 'claude-code',
      title: 'Claude Code',
      file: `${home}/.claude.json`,
      name: 'tracker',
      target: 'npx -y mcp-remote https://tickets.example.com/mcp',
      secrets: [],
      equivalent: { id: 'tickets', title: 'Tickets' },
    },
    {
      id: 'vscode',
      title: 'VS Code',
      file: `${home}/.config/Code/User/mcp.json`,
      name: 'wiki',
      target: 'https://wiki.example.com/mcp',
      secrets: [],
    },
    {
      id: 'claude-code',
      title: 'Claude Code',
      file: `${home}/.claude.json`,
      project: `${home}/projects/apollo`,
      name: 'postgres',
      target: 'npx -y @modelcontextprotocol/server-postgres ••••',
      secrets: [{ where: 'argument', name: '••••' }],
      off: true,
    },
  ],
  unread: [
    {
      id: 'codex',
      title: 'Codex',
      file: `${home}/.codex/config.toml`,
      why: `${home}/.codex/config.toml is not TOML that can be read, so it is left as it is.`,
    },
  ],
  files: 5,
  compared: true,
  moved: [
    {
      move: 'b'.repeat(16),
      id: 'cursor',
      file: `${home}/.cursor/mcp.json`,
      name: 'memory',
      equivalent: 'memory',
      at: before(3_600_000),
    },
  ],
});

export const movePreview = (): ShadowOutputs['shadow-move-preview'] => ({
  title: 'Claude Code',
  file: `${home}/.claude.json`,
  equivalent: { id: 'tickets', title: 'Tickets' },
  diff: `--- ${home}/.claude.json\n+++ ${home}/.claude.json\n@@ -6,5 +6,2 @@\n "mcpServers": {\n-  "tracker": {\n-    "command": …\n-    "args": …\n-  },\n   "gatehouse": {\n`,
  planned: 'c'.repeat(64),
});

const titleOf = (id: string) => detected().find((agent) => agent.id === id)!;

export const preview = (id: string): AgentOutputs['agent-connect-preview'] => ({
  id,
  title: titleOf(id).title,
  file: titleOf(id).file!,
  entry: 'gatehouse',
  diff: `--- ${titleOf(id).file}\n+++ ${titleOf(id).file}\n@@ -6,3 +6,7 @@\n [mcp_servers.files]\n command = …\n args = …\n+\n+[mcp_servers.gatehouse]\n+url = "http://127.0.0.1:4283/mcp"\n+http_headers = { Authorization = "Bearer ••••••••" }\n`,
  planned: 'a'.repeat(64),
  hasToken: id !== 'claude-desktop',
  replaces: false,
  warnings:
    id === 'vscode'
      ? [
          `Other users of this machine can read ${titleOf(id).file}, so they can read the token. Close it to them: chmod 600 '${titleOf(id).file}'`,
        ]
      : [],
});

export const connected = (id: string): AgentOutputs['agent-connect'] => ({
  id,
  title: titleOf(id).title,
  file: titleOf(id).file!,
  entry: 'gatehouse',
  agent: titleOf(id).title,
  tools: 57,
  already: false,
  warnings: [],
});
