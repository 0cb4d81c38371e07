import type { ManagedAgent } from './agent.ts';
import { allowedMcpServers } from './claude-code.ts';

/**
 * `allowedMcpServers` of `managed-settings.json`, which VS Code and Copilot CLI read. Source: docs.github.com, "Enterprise managed settings", for the key and that
 * what the company keeps at GitHub, or in its device management, goes before the file; microsoft/vscode#321870 for the paths. Copilot CLI 1.0.102 says in its log
 * that it loaded the key from there (test/interop/managed.test.ts). Neither could be seen to refuse a server: both want an account for that.
 */
export const copilot: ManagedAgent = {
  id: 'copilot',
  title: 'Copilot (VS Code, CLI)',
  clients: ['vscode', 'copilot-cli'],
  file: {
    linux: '/etc/github-copilot/managed-settings.json',
    darwin: '/Library/Application Support/GitHubCopilot/managed-settings.json',
    win32: '/Program Files/GitHubCopilot/managed-settings.json',
  },
  language: 'jsonc',
  plainJson: true,
  members: (list) => [allowedMcpServers(list)],
  note: "Settings that the company keeps at GitHub go before this file, and Copilot's own GitHub server is always allowed.",
};
