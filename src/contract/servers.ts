import { z } from 'zod';
import type { Usage } from './activity.ts';
import type { DecisionEffect, Explanation } from './explanation.ts';
import { name, server, tool } from './fields.ts';

const args = z.record(z.string(), z.unknown());

/** The servers that the person may use, and their tools. */
export const serverCommands = {
  'server-get': z.strictObject({ server }),
  'server-reconnect': z.strictObject({ server }),
  /** Opens the browser at the server's own sign-in, where there is a browser. */
  'server-sign-in': z.strictObject({ server }),
  'server-sign-out': z.strictObject({ server }),
  /** Puts a secret of the person's into the vault. No command ever gives it out again. */
  'server-secret-set': z.strictObject({
    server,
    name: z.string().min(1).max(64),
    value: z.string().min(1).max(65_536),
    /** The `place` of the row that the person saw. Where it is another one by now, a `conflict`: they agreed to that one. */
    place: z.string().max(4096).optional(),
  }),
  'server-secret-clear': z.strictObject({ server, name: z.string().min(1).max(64) }),
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
};

export interface ServerOutputs {
  'server-get': ServerDetail;
  'server-reconnect': Record<string, never>;
  /** An address on this machine, good for ten minutes. */
  'server-sign-in': { url: string };
  'server-sign-out': Record<string, never>;
  'server-secret-set': Record<string, never>;
  'server-secret-clear': Record<string, never>;
  /** Newest last, secrets masked, 64 KiB at most. Text of a stranger: never markup, never a link. */
  'server-stderr': { lines: string[] };
  'tools-list': { tools: ToolRow[] };
  /** Best first. */
  'tools-search': { tools: ToolHit[] };
  /** `result` is the CallToolResult as an agent would get it. */
  'tool-call': { result: Record<string, unknown> };
  'tool-explain': Explanation;
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
  /** What of its schema is not checked, and why, as a sentence. */
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

/** How the person stands with a server that has sign-ins of its own. */
export interface ServerSignIn {
  /** `unknown`: the vault has not been opened yet, or cannot be opened now. */
  state: 'unknown' | 'signed-out' | 'signing-in' | 'signed-in';
  /** There is one, and the server wants another: it refused something, or wants the person to allow more. */
  wanted?: true;
  /** As that server names the person, where it does. */
  account?: string;
  /** When it ends; absent: it is renewed for as long as the server allows. */
  until?: string;
}

/** `needs-secret`: a person has to enter something before it can be called. */
export type ServerState = 'idle' | 'connecting' | 'connected' | 'backing-off' | 'failed' | 'needs-secret';

/** Something that a person supplies for a server: never the value. */
export interface SecretRow {
  name: string;
  /** The company's words; empty: none. */
  description: string;
  required: boolean;
  /** An origin, or the program that gets it. */
  goesTo: string;
  /** Stands for all that decides where it goes. */
  place: string;
  /** `unavailable`: the vault cannot be opened, so nobody knows. */
  state: 'set' | 'missing' | 'unavailable';
  /** Why it is unavailable, or counts as missing although one was entered. */
  why?: string;
}

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
  /** What went wrong last, or what it needs, in words, where the state is `backing-off`, `failed` or `needs-secret`. */
  error?: string;
  retryAt?: string;
  /** What people supply for it themselves. */
  secrets: SecretRow[];
  /** What it is busy with, where that may take long: a program that is downloaded at its first start. */
  note?: string;
  signIn?: ServerSignIn;
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
  /** What the server said that agents are not told, and why: faults in its definitions. */
  leftOut: { what: string; why: string }[];
  usage: Usage;
}
