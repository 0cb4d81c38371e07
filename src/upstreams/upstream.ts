import type { ServerEntry } from '../bundle/schema.ts';
import type { ServerState } from '../contract/servers.ts';
import type { JsonObject, RpcError } from '../protocol/jsonrpc.ts';
import type { Era } from '../protocol/versions.ts';
import type { Long } from './messages/hole.ts';

/**
 * How a JSON-RPC request ends. A `result` is the upstream's own object, untouched; `text`, where there is one, is the JSON that it was parsed from.
 * In a long result, a part that nobody here looks at is a `Hole`.
 * INVARIANT: whoever changes a result makes a new outcome without its text.
 */
export type Outcome = { result: JsonObject; text?: string | Long } | { error: RpcError };

/** What an upstream may learn about the agent. */
export interface Peer {
  /** Stable for one legacy session, or for one modern agent: the key of a dedicated upstream session. */
  id: string;
  era: Era;
  /** Client capabilities that the agent declared and the gateway can bridge (roots, sampling, elicitation, extensions). */
  capabilities: JsonObject;
  clientInfo: { name: string; version: string };
  /** RFC 5424 level the agent asked for; absent: no log messages. */
  logLevel?: string;
}

export interface UpstreamCall {
  method: string;
  /** Names and URIs are already the upstream's. `_meta` holds only what may be passed on: no `progressToken`, no `io.modelcontextprotocol/*`. */
  params: JsonObject;
  peer: Peer;
  /** Aborted when the agent cancels or goes away: the upstream is told in its own era's way. */
  signal: AbortSignal;
  /** Present: the agent wants progress. Gets the `params` of notifications/progress. Their token is the connection's, to be replaced by the agent's. */
  onProgress?: ((params: JsonObject) => void) | undefined;
  /** notifications/message (and unknown notifications) that belong to this call. */
  onNotification?: ((notification: { method: string; params?: JsonObject }) => void) | undefined;
  /** A legacy upstream's own request while the call runs (elicitation/create, sampling/createMessage, roots/list). Without it: -32601. */
  onRequest?: ((request: { method: string; params: JsonObject }, signal: AbortSignal) => Promise<Outcome>) | undefined;
  /** Returns a promise while the agent reads too slowly: nothing more is read for this call until it resolves. `held`: bytes read of a message that is not whole yet. */
  caughtUp?: ((held: number) => Promise<void> | undefined) | undefined;
  /** Milliseconds without an answer or progress; default the entry's `timeoutMs`. */
  timeoutMs?: number;
}

/** Why an upstream could not answer. Becomes a tool result with `isError`, never an HTTP error to the agent. */
export type UpstreamProblem = 'unreachable' | 'unauthorized' | 'timed-out' | 'closed' | 'bad-answer' | 'too-large' | 'cancelled';

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly problem: UpstreamProblem;
  /** Of the HTTP answer that refused the handshake: some statuses show an older kind of server. */
  readonly status: number | undefined;
  constructor(problem: UpstreamProblem, message: string, options?: ErrorOptions & { status?: number }) {
    super(message, options);
    this.problem = problem;
    this.status = options?.status;
  }
}

/** There is no credential for it at present: the upstream was not asked, or only whether it wants one, and is not to blame. */
export class NoCredential extends UpstreamError {
  constructor(message: string, options?: ErrorOptions) {
    super('unauthorized', message, options);
  }
}

/** The person has to sign in to it first. */
export class SignInNeeded extends NoCredential {
  /** Names the sign-in that is wanted, to wait for; good for nothing else. */
  readonly ticket: string;
  /** Where, on this machine. Whoever has it can begin: it is for the agent and its person, and for no log. */
  declare readonly url: string;
  constructor(message: string, url: string, ticket: string) {
    super(message);
    Object.defineProperty(this, 'url', { value: url, enumerable: false });
    this.ticket = ticket;
  }
}

/** The upstream's era has changed. It refused the call without carrying it out, so the call may be made again in the right era. */
export class Outgrown extends UpstreamError {}

export interface UpstreamStatus {
  state: ServerState;
  era?: Era;
  error?: string;
  retryAt?: number;
  /** What it is busy with, where that may take long. */
  note?: string;
}

/** Why a server cannot be called: a secret that it needs is not there, or cannot be opened now. */
export interface Lack {
  kind: 'missing' | 'unavailable';
  /** The names of what is missing; what is the matter with what cannot be opened. */
  what: string;
  /** A secret is there and is not used, since the server is elsewhere now. */
  moved?: string;
}

/** One blessed upstream: connects at first use, pools what may be shared, reconnects with back-off, ends all that it started. */
export interface Upstream {
  /** What the bundle says of it at present. */
  readonly entry: ServerEntry;
  status(): UpstreamStatus;
  /** The end of what a local server wrote to standard error, in lines; empty for a remote one. */
  output(): string[];
  /** Resolves with the upstream's own result or JSON-RPC error; rejects with an UpstreamError only. */
  call(call: UpstreamCall): Promise<Outcome>;
  /** Counted per URI; resolves with a function that ends the subscription. Updates arrive at `onResourceUpdated`. */
  subscribe(uri: string, peer: Peer): Promise<() => void>;
  /** For a subscription that was acknowledged before: counted at once, and made as soon as there is a connection. Returns a function that ends it. */
  resubscribe(uri: string): () => void;
  /** The agent's session is over: end what was dedicated to it. */
  forget(peerId: string): void;
  /** Forgets the back-off and connects anew at the next call. */
  reset(): void;
  /** Why its secrets let no call begin. A promise until it is known. */
  lacking(): Lack | undefined | Promise<Lack | undefined>;
  /** Its secrets have changed: the next call connects anew. Running calls end on the connection that they have, and a local server before it is started again. */
  renew(): void;
  /** The machine slept: connections that may be dead without our knowing are replaced. */
  wake(): void;
  /** A new entry for the same server. Its deadlines, headers and so on hold from the next call on. */
  adopt(entry: ServerEntry): void;
  /** A call is in flight, or waits for the connection. */
  busy(): boolean;
  /** Takes no new calls, and closes when the running ones have ended or a time is over: a new address of a server must not fail them. */
  retire(): Promise<void>;
  close(): Promise<void>;
}

export interface UpstreamEvents {
  onStatus(server: string, status: UpstreamStatus): void;
  /** notifications/resources/updated, with its `params` as they came. */
  onResourceUpdated(server: string, params: JsonObject): void;
}
