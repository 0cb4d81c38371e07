import { z } from 'zod';
import { clientRules, otherServers } from './agents.ts';
import { secret, unfit } from './secret.ts';
import { skill } from './skill.ts';
import { upstreamAuth } from './upstream-auth.ts';
import { usableCatalogue } from './usable.ts';

/**
 * What the central API signs for one distinct set of groups (docs/adr/0010). The payload of a compact JWS, alg Ed25519
 * (RFC 8037, RFC 9864), typ `gatehouse-bundle+jws`. Decisions use `groups` from here, never claims read on the laptop.
 */

/** Lower-case, starts with a letter: it is part of tool names, URLs, URIs (as a scheme prefix) and policies. */
export const serverId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'a server id is a-z, 0-9 and "-", starts with a letter and has at most 31 characters');

/** A definition as the upstream sent it when it was blessed: every field is kept, known or not. */
const definition = z.looseObject({ name: z.string().min(1) });

/**
 * What a text among the arguments is. `text` is never taken for a path. `glob` is a pattern that finds files by itself, so that its path is the folder that it
 * begins with (one that only filters what is below another argument is `text`). `literal` is a path that the tool takes as it stands: never a pattern,
 * a list or an option. Only `url`, and what is not declared, is taken for a bare host.
 */
export const argumentKind = z.enum(['path', 'literal', 'glob', 'url', 'text']);

/** What the company says of a tool. Absent in the entry: taken from the annotations of the blessed definition. */
export const toolFacts = z.object({
  readOnly: z.boolean(),
  destructive: z.boolean(),
  openWorld: z.boolean(),
  tags: z.array(z.string()),
  /** False: the tool touches only the files and folders that it is given, never what is below them (`ls`, and not `mv` or `find`). */
  recursive: z.boolean().optional(),
  /** Where this tool takes longer, or has less time, than the server's others: see `timeoutMs` of the entry. */
  timeoutMs: z.int().min(100).max(3_600_000).optional(),
  /** By where the argument stands: `path`, `edits.newText` (in each of a list), `files.*` (each that the schema does not name). Holds for all below. */
  arguments: z.record(z.string(), argumentKind).optional(),
});

export const catalogue = z.object({
  /** serverInfo, instructions and capabilities as the upstream stated them when it was blessed. */
  serverInfo: z.looseObject({ name: z.string(), version: z.string() }).optional(),
  instructions: z.string().optional(),
  capabilities: z.record(z.string(), z.unknown()).default({}),
  tools: z.array(definition).default([]),
  prompts: z.array(definition).default([]),
  resources: z.array(z.looseObject({ uri: z.string() })).default([]),
  resourceTemplates: z.array(z.looseObject({ uriTemplate: z.string() })).default([]),
  /** Older bundles have none. */
  skills: z.array(skill).default([]),
  /** `tool:NAME`, `prompt:NAME`, `resource:URI`, `template:URI`, `skill:URI` -> SHA-256 (base64url) over the RFC 8785 form of the definition. */
  hashes: z.record(z.string(), z.string()).default({}),
  /** What the server said that agents cannot be told, and why. Older bundles have none. */
  leftOut: z.array(z.object({ what: z.string(), why: z.string() })).default([]),
});

export const launch = z.object({
  /** argv, never a shell string. `node` means the Node that runs us where there is one. */
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).default({}),
  cwd: z.string().optional(),
});

const statedEntry = z.object({
  id: serverId,
  /** The server.json name, reverse DNS: `com.example/tickets`. */
  name: z.string(),
  title: z.string(),
  description: z.string(),
  version: z.string(),
  url: z.url({ protocol: /^https?$/ }).optional(),
  /** What is spoken at `url`: `sse` is "HTTP+SSE" of protocol 2024-11-05. Older bundles have none. */
  transport: z.enum(['streamable-http', 'sse']).default('streamable-http'),
  /** Sent with each request to `url`. Older bundles have none. */
  headers: z.record(z.string(), z.string()).default({}),
  launch: launch.optional(),
  /** What the company knows of the server's era; `auto` means find out and remember. */
  era: z.enum(['auto', 'legacy', 'modern']).default('auto'),
  auth: upstreamAuth.default({ type: 'none' }),
  /** What each person supplies themselves. Bundles of format 1 have none. */
  secrets: z.array(secret).max(32).default([]),
  dataClass: z.string().default('internal'),
  trust: z.string().default('third-party'),
  owner: z.string().default(''),
  /** Milliseconds that one call may take; progress extends it. */
  timeoutMs: z.int().min(100).max(3_600_000).default(60_000),
  /** Absolute folders against which the server resolves relative names: its working folder, or all that it tries. Older bundles have none. */
  roots: z
    .array(z.string().regex(/^(?:\/|[a-z]:[\\/]|\\\\[^\\/]+[\\/][^\\/.])/i, 'a root is an absolute path'))
    .max(8)
    .default([]),
  /** An older central API passed on definitions for which an agent's client refuses the lists of all servers. */
  catalogue: z.preprocess(usableCatalogue, catalogue),
  /** For every tool of the catalogue. */
  tools: z.record(z.string(), toolFacts),
});

/** One blessed upstream: exactly one of `url` (streamable HTTP) and `launch` (stdio). All `{variables}` are already resolved. */
export const serverEntry = statedEntry.superRefine((entry, context) => {
  const message = unfit(entry);
  if (message !== undefined) context.addIssue({ code: 'custom', path: ['secrets'], message });
});

/** A policy in Cedar's JSON form, as `policyToJson` gives it, with what an explanation needs. */
export const compiledPolicy = z.object({
  /** `@id`, else `FILE#N`. Unique in the bundle. */
  id: z.string(),
  effect: z.enum(['permit', 'forbid']),
  reason: z.string().optional(),
  annotations: z.record(z.string(), z.string()),
  source: z.object({ file: z.string(), line: z.int() }),
  json: z.record(z.string(), z.unknown()),
});

export const limits = z.object({
  /** Calls in flight at once, per agent. */
  concurrentCalls: z.int().min(1).max(1000).default(64),
  /** Calls per minute, per agent; 0 means no limit. */
  callsPerMinute: z.int().min(0).default(0),
});

/** Format 2: some server takes secrets. An app that knows format 1 alone would call it without them, so it has to refuse the bundle. */
export const bundleFormat = (servers: readonly { secrets: readonly unknown[] }[]): 1 | 2 =>
  servers.some(({ secrets }) => secrets.length > 0) ? 2 : 1;

const statedBundle = z.object({
  format: z.union([z.literal(1), z.literal(2)]),
  company: z.object({ id: z.string(), name: z.string(), supportUrl: z.url().optional() }),
  /** Only grows. A higher one replaces this one; a lower one is refused. */
  version: z.int().min(1),
  groups: z.array(z.string()),
  issuedAt: z.iso.datetime(),
  /** Past it: read-only tools only. */
  staleAfter: z.iso.datetime(),
  /** Past it: nothing. */
  notAfter: z.iso.datetime(),
  minimumVersion: z.string().optional(),
  servers: z.array(serverEntry),
  policies: z.array(compiledPolicy),
  limits: limits.default({ concurrentCalls: 64, callsPerMinute: 0 }),
  /** What agents may have in their own configuration beside the gateway. Absent: the company says nothing about it. */
  agents: z.object({ otherServers }).optional(),
  /** Which agents sign in without a click, or not at all, by client id. Older bundles have none. */
  clients: clientRules.default([]),
});

export const bundle = statedBundle.refine(({ format, servers }) => format >= bundleFormat(servers), {
  path: ['format'],
  message: 'secrets of servers need format 2',
});

export type Bundle = z.infer<typeof bundle>;
export type ServerEntry = z.infer<typeof serverEntry>;
export type Catalogue = z.infer<typeof catalogue>;
export type ArgumentKind = z.infer<typeof argumentKind>;
export type ToolFacts = z.infer<typeof toolFacts>;
export type CompiledPolicy = z.infer<typeof compiledPolicy>;

export type Freshness = 'fresh' | 'stale' | 'expired';

export function freshness(bundle: Pick<Bundle, 'staleAfter' | 'notAfter'>, now: number): Freshness {
  if (now >= Date.parse(bundle.notAfter)) return 'expired';
  return now >= Date.parse(bundle.staleAfter) ? 'stale' : 'fresh';
}

/** `GET /.well-known/gatehouse-configuration`: all that an app must know before sign-in. */
export const bootstrap = z.object({
  company: z.object({ id: z.string(), name: z.string(), supportUrl: z.url().optional() }),
  issuer: z.url(),
  client_id: z.string(),
  scopes: z.array(z.string()),
  /** RFC 8707 resource indicator that the access token must be issued for. */
  resource: z.url(),
  /** Whether it is asked for at the sign-in: some providers refuse that. */
  send_resource: z.boolean().default(true),
  groups_claim: z.string().default('groups'),
  endpoints: z.object({
    bundle: z.url(),
    events: z.url(),
    ledger: z.url(),
    receipts: z.url(),
    requests: z.url(),
    registry: z.url(),
  }),
  /** Public keys of the bundle's signer (RFC 7517). */
  bundle_jwks: z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }),
});
export type Bootstrap = z.infer<typeof bootstrap>;
