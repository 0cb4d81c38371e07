import { z } from 'zod';
import { name, server } from './fields.ts';

const servers = z.array(server).min(1).max(500);

/** Who may connect, and how. */
export const agentCommands = {
  /** `servers`: the only ones that it may reach; left out: all that the company's rules allow. */
  'agent-add': z.strictObject({ name, servers: servers.optional() }),
  'agent-revoke': z.strictObject({ name }),
  /** What it may reach from now on; never more than the company's rules allow. */
  'agent-limit': z.strictObject({ name, servers: servers.optional() }),
  /** Copy-ready configuration of the known agents. The token is passed only right after it was made. Without it, the text says where it goes. */
  'agent-configs': z.strictObject({ name, token: z.string().max(200).optional() }),
  /** Dismisses the list of credentials that may have leaked, without revoking them. */
  'exposure-dismiss': z.strictObject({}),
};

export interface AgentOutputs {
  'agent-add': { name: string; token: string; url: string };
  'agent-revoke': Record<string, never>;
  'agent-limit': Record<string, never>;
  'agent-configs': { configs: AgentConfig[] };
  'exposure-dismiss': Record<string, never>;
}

export interface AgentRow {
  name: string;
  createdAt: string;
  revokedAt?: string;
  lastSeenAt?: string;
  /** What the program calls itself; never used for a decision. */
  client?: { name: string; version: string };
  era?: 'legacy' | 'modern';
  /** The only servers that its person lets it reach; absent: all that the company's rules allow. */
  servers?: string[];
  /** From then on it is out. */
  expiresAt?: string;
  /** It signed in by itself, as this client of OAuth. `open`: it can come in without signing in again. */
  signIn?: { client: string; open: boolean };
  /** Open sessions and streams. */
  sessions: number;
  callsToday: number;
}

export interface AgentConfig {
  /** `claude-code`, `vscode`, `cursor`, `codex`, `gemini`. */
  id: string;
  title: string;
  /** Where it goes. */
  file?: string;
  language: 'json' | 'toml' | 'shell';
  text: string;
  note?: string;
}

/** Agents whose bearer token another program may have received, since it had the address that is in their configuration. */
export interface Exposure {
  /** When it was first noticed; it may have begun before. */
  since: string;
  /** When the address was ours again; absent while it is not. */
  until?: string;
  /** `127.0.0.1:4283` */
  address: string;
  /** Who had it, in words of this machine's system. */
  holder: string;
  /** By name; only credentials that are still good. */
  agents: string[];
  /** By name: agents whose exposed credential is revoked by now. A newer credential of the same name is not at stake. */
  revoked: string[];
}
