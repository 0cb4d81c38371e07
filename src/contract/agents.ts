import { z } from 'zod';
import { name, server } from './fields.ts';

const servers = z.array(server).min(1).max(500);

const program = z.string().min(1).max(64);
/** Agents put it before the names of tools, so it is short. */
const entry = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, 'an entry\'s name has 1 to 32 letters, digits, "_" or "-" and starts with a letter');

/** Who may connect, and how. */
export const agentCommands = {
  /** `servers`: the only ones that it may reach; left out: all that the company's rules allow. */
  'agent-add': z.strictObject({ name, servers: servers.optional() }),
  'agent-revoke': z.strictObject({ name }),
  /** What it may reach from now on; never more than the company's rules allow. */
  'agent-limit': z.strictObject({ name, servers: servers.optional() }),
  /** Copy-ready configuration of the known agents. The token is passed only right after it was made. Without it, the text says where it goes. */
  'agent-configs': z.strictObject({ name, token: z.string().max(200).optional() }),
  /** The agents that can be connected by a command: which are installed, and how it stands with each. */
  'agents-detect': z.strictObject({}),
  /** What connecting would change in the agent's own file, without a change. `entry`: another name for ours in it. `oauth`: no token, the agent signs in. */
  'agent-connect-preview': z.strictObject({ id: program, entry: entry.optional(), oauth: z.boolean().optional() }),
  /** Writes our entry with a token of its own, with the command of the bridge, or with neither, and proves it. `planned`, of a preview: refused where the file is another one by now. */
  'agent-connect': z.strictObject({
    id: program,
    entry: entry.optional(),
    oauth: z.boolean().optional(),
    planned: z.string().max(64).optional(),
  }),
  /** Puts the agent's file back as it was, or takes our entry out where more has changed since; revokes the token in any case. */
  'agent-disconnect': z.strictObject({ id: program }),
  /** What the company states about agents' own allow-lists, and how it stands with each agent on this machine. */
  'agents-policy': z.strictObject({}),
  /** Dismisses the list of credentials that may have leaked, without revoking them. */
  'exposure-dismiss': z.strictObject({}),
};

export interface AgentOutputs {
  'agent-add': { name: string; token: string; url: string };
  'agent-revoke': Record<string, never>;
  'agent-limit': Record<string, never>;
  'agent-configs': { configs: AgentConfig[] };
  'agents-detect': { agents: AgentDetected[] };
  'agent-connect-preview': {
    id: string;
    title: string;
    file: string;
    /** The name of our entry in the file. */
    entry: string;
    /** A unified diff, in which the token and what others keep in the file are masked. */
    diff: string;
    /** For `agent-connect`. */
    planned: string;
    /** Otherwise the agent asks by itself, and its person allows it once. */
    hasToken: boolean;
    /** An entry of ours is there already, and is written anew. */
    replaces: boolean;
    warnings: string[];
  };
  'agent-connect': {
    id: string;
    title: string;
    file: string;
    entry: string;
    /** The name of its credential, as in the activity; and how many tools the connection that proved it was shown. Absent: it starts the bridge, or signs in by itself. */
    agent?: string;
    tools?: number;
    /** It was connected before, and nothing was written. */
    already: boolean;
    warnings: string[];
  };
  /** `whole`: the file is as it was, to the byte. `entry`: only our entry was taken out. `nothing`: there was none where the agent looks now. */
  'agent-disconnect': {
    id: string;
    title: string;
    file: string;
    restored: 'whole' | 'entry' | 'nothing';
    /** It works no longer. Without one the person's word stays, until it is revoked. */
    hadToken: boolean;
  };
  'agents-policy': {
    /** What agents may have: the gateway at this origin ... */
    origin: string;
    /** ... and these. Absent: the company says nothing about it. */
    otherServers?: ({ name: string; url: string } | { name: string; command: string[] })[];
    agents: ManagedRow[];
  };
  'exposure-dismiss': Record<string, never>;
}

/** How it stands with an agent's own managed allow-list. */
export interface ManagedRow {
  id: string;
  title: string;
  /** One of its programs or folders is there. */
  installed: boolean;
  /** Where it reads the list. */
  file?: string;
  /** `missing`: nothing is written. `differs`: something is there that is not, or does more than, what the company states. `unsupported`: it has no such list. */
  state: 'not-stated' | 'in-force' | 'missing' | 'differs' | 'unsupported';
  why?: string;
  /** What the list does not hold against. */
  note?: string;
}

/** An agent of the table of those that can be connected by a command. */
export interface AgentDetected {
  id: string;
  title: string;
  /** One of its programs or folders is there. */
  installed: boolean;
  /** Where it reads its servers. */
  file?: string;
  /** `changed`: by somebody else, or it cannot be read. */
  state: 'connected' | 'not-connected' | 'changed';
  why?: string;
  /** An entry of our name is there that we did not write: ours needs another name. */
  isTaken?: true;
  /** The name of its credential; none where it needs no token. */
  agent?: string;
  /** The name of our entry; absent where it was not connected. */
  entry?: string;
  /** When our entry was last put back. */
  repairedAt?: string;
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
  /** Where it was connected by a command: its file, and whether our entry is still there. */
  config?: {
    /** As in the table of agents. */
    id: string;
    file: string;
    /** `removed`: by the person. `lost`: dropped by the agent and not put back. */
    state: 'connected' | 'changed' | 'removed' | 'lost';
    why?: string;
    repairedAt?: string;
  };
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
