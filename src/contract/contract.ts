import { z } from 'zod';
import type { ErrorValue } from '../base/errors.ts';
import type { Verified } from '../ledger/verified.ts';
import type { Exposure } from '../port/exposure.ts';

/**
 * What a window, a browser or the command line may ask of the core, and what it sees. One contract over two carriers:
 * Electron's IPC and headless HTTP (DESIGN section 6). Times are ISO 8601 in UTC, durations milliseconds, sizes bytes.
 */

const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/,
    'a name has 1 to 64 letters, digits, spaces, ".", "_" or "-" and starts with a letter or digit',
  );
const server = z.string().min(1).max(64);
const tool = z.string().min(1).max(256);
const args = z.record(z.string(), z.unknown());
const decision = z.enum(['allow', 'ask', 'deny']);

/** Input of each command. An unknown key is refused, so that a misspelt one is noticed. */
export const commands = {
  /** Starts a sign-in. `browser`: opens the system browser; `device`: RFC 8628, for machines without one. */
  'sign-in': z.strictObject({ method: z.enum(['browser', 'device']).default('browser') }),
  'sign-in-cancel': z.strictObject({}),
  'sign-out': z.strictObject({}),
  'bundle-refresh': z.strictObject({}),
  'server-get': z.strictObject({ server }),
  'server-reconnect': z.strictObject({ server }),
  /** What a local server wrote for people (standard error), its end only. */
  'server-stderr': z.strictObject({ server }),
  'tools-list': z.strictObject({ server: server.optional() }),
  /** Finds tools by words of their name, title, server and description; only what the person sees, or one agent of theirs. */
  'tools-search': z.strictObject({
    text: z.string().trim().min(1, 'say what to look for').max(200, 'a search has at most 200 characters'),
    limit: z.int().min(1).max(100).default(20),
    agent: name.optional(),
  }),
  'tool-call': z.strictObject({ server, tool, arguments: args.default({}) }),
  'tool-explain': z.strictObject({ server, tool, arguments: args.optional() }),
  'access-request': z.strictObject({ server, tool: tool.optional(), reason: z.string().min(1).max(2000) }),
  'agent-add': z.strictObject({ name }),
  'agent-revoke': z.strictObject({ name }),
  /** Copy-ready configuration of the known agents. The token is asked for only in the moment it was made: else a placeholder. */
  'agent-configs': z.strictObject({ name, token: z.string().max(200).optional() }),
  /** Puts away the list of credentials that may have leaked, without revoking them. */
  'exposure-dismiss': z.strictObject({}),
  'activity-list': z.strictObject({
    /** Records before this sequence number (from `next` of the page before). */
    before: z.int().min(1).optional(),
    /** Records after this one, newest last first all the same: for live lists. */
    after: z.int().min(0).optional(),
    limit: z.int().min(1).max(500).default(100),
    agent: z.string().max(64).optional(),
    server: server.optional(),
    tool: tool.optional(),
    decision: decision.optional(),
    outcome: z.enum(['ok', 'error']).optional(),
    text: z.string().max(200).optional(),
    since: z.iso.datetime().optional(),
  }),
  'activity-get': z.strictObject({ seq: z.int().min(1) }),
  'usage-get': z.strictObject({ range: z.enum(['day', 'week', 'month']).default('day'), server: server.optional() }),
  'ledger-verify': z.strictObject({}),
  'ledger-accept-loss': z.strictObject({}),
  'ledger-export': z.strictObject({
    format: z.enum(['jsonl', 'csv']).default('jsonl'),
    before: z.int().min(1).optional(),
    limit: z.int().min(1).max(5000).default(1000),
  }),
  status: z.strictObject({}),
} as const satisfies Record<string, z.ZodType>;

export type Command = keyof typeof commands;
/** As the caller writes it (defaults may be left out). */
export type CommandInput<C extends Command> = z.input<(typeof commands)[C]>;
/** As the core receives it. */
export type CommandParsed<C extends Command> = z.output<(typeof commands)[C]>;

export type DecisionEffect = 'allow' | 'ask' | 'deny';

/** Why a thing is allowed or not: the rule's id and its author's words, what was missing, and the bundle that said so. */
export interface Explanation {
  effect: DecisionEffect;
  /** The rule that decided; `gatehouse:...` where no company rule did (no permit, stale bundle, signed out ...). */
  rule: string;
  reason: string;
  /** A condition that did not hold, in words; absent where none is known. */
  missing?: string;
  bundleVersion?: number;
  /** Whether the agent sees the tool in its list. */
  visible: boolean;
}

export interface ToolRow {
  server: string;
  /** As the upstream names it. */
  name: string;
  /** As agents see it on /mcp. */
  exposedName: string;
  title?: string;
  description?: string;
  readOnly: boolean;
  destructive: boolean;
  openWorld: boolean;
  tags: string[];
  inputSchema?: unknown;
  /** Why its schema cannot be used, in words: its arguments are not checked. */
  unchecked?: string;
  /** Decided without arguments: `allow` may still depend on them (`conditional`). */
  access: Explanation;
  conditional: boolean;
}

/** A tool that a search found: `deny` is never among them. */
export interface ToolHit extends Pick<ToolRow, 'server' | 'name' | 'title' | 'description' | 'conditional'> {
  effect: Exclude<DecisionEffect, 'deny'>;
}

export interface PromptRow {
  name: string;
  title?: string;
  description?: string;
  access: Explanation;
}
export interface ResourceRow {
  uri: string;
  template: boolean;
  name?: string;
  description?: string;
  mimeType?: string;
  access: Explanation;
}

export type ServerState = 'idle' | 'connecting' | 'connected' | 'backing-off' | 'failed';

export interface ServerRow {
  id: string;
  title: string;
  description: string;
  kind: 'remote' | 'local';
  version: string;
  dataClass: string;
  trust: string;
  owner: string;
  state: ServerState;
  era?: 'legacy' | 'modern';
  /** What went wrong last, in words, where the state is `backing-off` or `failed`. */
  error?: string;
  retryAt?: string;
  /** What it is busy with, where that may take long: a program that is downloaded at its first start. */
  note?: string;
  toolsAllowed: number;
  toolsTotal: number;
  callsToday: number;
}

export interface ServerDetail extends ServerRow {
  /** The one server's own address on the gateway. */
  url: string;
  tools: ToolRow[];
  prompts: PromptRow[];
  resources: ResourceRow[];
  usage: Usage;
}

export interface AgentRow {
  name: string;
  createdAt: string;
  revokedAt?: string;
  lastSeenAt?: string;
  /** What the program calls itself; never used for a decision. */
  client?: { name: string; version: string };
  era?: 'legacy' | 'modern';
  /** Open sessions and streams. */
  sessions: number;
  callsToday: number;
}

export interface Activity {
  seq: number;
  at: string;
  person: string;
  agent: string;
  server: string;
  /** `tools/call`, `prompts/get`, `resources/read`, `skills/get`, `completion/complete` ... */
  method: string;
  /** Tool or prompt name, or URI. */
  target: string;
  decision: DecisionEffect;
  rule: string;
  reason: string;
  bundleVersion: number;
  outcome: 'ok' | 'error';
  error?: string;
  totalMs: number;
  upstreamMs: number;
  requestBytes: number;
  responseBytes: number;
  argumentHash: string;
  /** Groups the calls of one conversation: the legacy session, or for modern agents one that the gateway keeps for them. */
  session?: string;
  hash: string;
  previousHash: string;
}

export interface UsageBucket {
  at: string;
  calls: number;
  denied: number;
  errors: number;
}
export interface Usage {
  range: 'day' | 'week' | 'month';
  /** Hours for a day, days otherwise; oldest first; empty ones included. */
  buckets: UsageBucket[];
  byTool: { server: string; tool: string; calls: number; denied: number }[];
  byAgent: { agent: string; calls: number }[];
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

export interface Person {
  sub: string;
  name?: string;
  email?: string;
  groups: string[];
}

export interface View {
  app: {
    name: 'Gatehouse';
    version: string;
    shell: 'electron' | 'headless';
    vault: 'keychain' | 'key-from-environment' | 'memory';
    dataDir: string;
  };
  identity: {
    state: 'starting' | 'signed-out' | 'signing-in' | 'signed-in' | 'expired';
    person?: Person;
    /** While signing in: where to go by hand (browser), and what to type there (device). */
    prompt?: { method: 'browser' | 'device'; url: string; userCode?: string; expiresAt?: string };
    error?: ErrorValue;
  };
  company: {
    state: 'connecting' | 'online' | 'offline' | 'unconfigured';
    name?: string;
    central?: string;
    supportUrl?: string;
    error?: ErrorValue;
    lastContactAt?: string;
  };
  bundle: {
    state: 'none' | 'fresh' | 'stale' | 'expired' | 'refused';
    version?: number;
    issuedAt?: string;
    staleAfter?: string;
    notAfter?: string;
    /** Set while a newer bundle was refused and the last good one is kept. */
    error?: ErrorValue;
  };
  /** `error` beside `on`: another program has one of the port's addresses. `exposure`: credentials that may have leaked to it. */
  gateway: { state: 'off' | 'on' | 'failed'; url?: string; error?: ErrorValue; exposure?: Exposure };
  servers: ServerRow[];
  agents: AgentRow[];
  today: { calls: number; denied: number; errors: number };
  lastCall?: Pick<
    Activity,
    'seq' | 'at' | 'agent' | 'server' | 'method' | 'target' | 'decision' | 'rule' | 'reason' | 'outcome' | 'totalMs' | 'upstreamMs'
  >;
  ledger: { records: number; uploaded: number; error?: ErrorValue };
}

export interface Outputs {
  'sign-in': { url?: string; userCode?: string };
  'sign-in-cancel': Record<string, never>;
  /** `logoutUrl`: the IdP's end-session page, where it has one. */
  'sign-out': { logoutUrl?: string };
  'bundle-refresh': { version?: number };
  'server-get': ServerDetail;
  'server-reconnect': Record<string, never>;
  /** Newest last, secrets masked, 64 KiB at most. Text of a stranger: never markup, never a link. */
  'server-stderr': { lines: string[] };
  'tools-list': { tools: ToolRow[] };
  /** Best first. */
  'tools-search': { tools: ToolHit[] };
  /** `result` is the CallToolResult as an agent would get it. */
  'tool-call': { result: Record<string, unknown> };
  'tool-explain': Explanation;
  'access-request': { id: string };
  'agent-add': { name: string; token: string; url: string };
  'agent-revoke': Record<string, never>;
  'agent-configs': { configs: AgentConfig[] };
  'exposure-dismiss': Record<string, never>;
  'activity-list': { items: Activity[]; next?: number };
  'activity-get': Activity;
  'usage-get': Usage;
  'ledger-verify': Verified;
  'ledger-accept-loss': { seq: number };
  'ledger-export': { text: string; next?: number };
  status: View;
}

export type Reply<C extends Command> = { ok: true; value: Outputs[C] } | { ok: false; error: ErrorValue };

/** What the renderer holds, whichever carrier is below. */
export interface Gatehouse {
  call<C extends Command>(command: C, input: CommandInput<C>): Promise<Reply<C>>;
  /** Calls back at once with the present View, then with each new one; returns how to stop. */
  watch(listener: (view: View) => void): () => void;
}
