import type { Log } from '../../base/log.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Era } from '../../protocol/versions.ts';
import type { HeaderList, Refusal } from '../credentials/credentials.ts';
import type { Output } from '../local/output.ts';
import type { Filled } from '../secrets/fill.ts';
import type { Outcome, UpstreamCall, UpstreamError } from '../upstream.ts';

/** What a link may cost. All of them hold per upstream, so that one that misbehaves hurts nobody else. */
export interface UpstreamLimits {
  /** One message, whole. */
  messageBytes: number;
  /** Messages that one call may bring besides its answer. */
  messagesPerCall: number;
  /** Messages in ten seconds that no call asked for. */
  unaskedPerTenSeconds: number;
  connectMs: number;
  /** The start of a server that may have to be downloaded first. */
  downloadMs: number;
  /** How long a call waits for a start; agents give up at 60 s. The start goes on without it. */
  patienceMs: number;
  /** A process without calls and subscriptions for so long is ended; the next call starts it again. */
  idleMs: number;
  /** If no answer to `server/discover` comes on a pipe for so long, the server is taken for a legacy one (protocol 2026-07-28, "Versioning", stdio). */
  probeMs: number;
  /** HTTP connections to one upstream. */
  connections: number;
  /** Legacy HTTP sessions that belong to one agent each. */
  sessions: number;
  sessionIdleMs: number;
  /** How long a retired connection may go on with its running calls. */
  drainMs: number;
  backoffFirstMs: number;
  backoffMostMs: number;
}

export const defaultLimits: UpstreamLimits = {
  messageBytes: 64 * 1024 * 1024,
  messagesPerCall: 200_000,
  unaskedPerTenSeconds: 20_000,
  connectMs: 15_000,
  downloadMs: 300_000,
  patienceMs: 45_000,
  idleMs: 1_800_000,
  probeMs: 3_000,
  connections: 256,
  sessions: 64,
  sessionIdleMs: 600_000,
  drainMs: 900_000,
  backoffFirstMs: 500,
  backoffMostMs: 60_000,
};

export interface LinkContext {
  /** Live: the next bundle may bring another entry that is reached in the same way. */
  readonly entry: ServerEntry;
  readonly clientInfo: { name: string; version: string };
  readonly log: Log;
  readonly limits: UpstreamLimits;
  /** The headers that authenticate one request; `refused`: those that were just refused. */
  credential(refused?: Refusal): HeaderList | Promise<HeaderList>;
  /** The entry's secrets for what is begun now. What has begun keeps those that it had. */
  readonly filled: Filled;
  /** How long connecting may take. */
  readonly startMs: number;
  /** Takes what a local server writes to standard error; absent for a remote one. */
  readonly output: Output | undefined;
  /** The URIs that somebody is subscribed to at present: live, kept by the upstream above. */
  readonly uris: ReadonlySet<string>;
  onResourceUpdated(params: JsonObject): void;
  /** A call was answered, with a result or an error. */
  onAnswer(): void;
  /** A call got no answer; the link itself can go on once the upstream works again. */
  onTrouble(error: UpstreamError): void;
  /** The link is of no more use (its process ended, its upstream changed its era), and has already failed the calls in flight on it. */
  onLost(link: Link, error: UpstreamError): void;
}

/** A working connection in a known era; the upstream above it knows when to make one and what to do when it is lost. */
export interface Link {
  readonly era: Era;
  call(call: UpstreamCall): Promise<Outcome>;
  /** To be called after `uri` was added to the context's `uris`. Rejects where the upstream refuses. */
  subscribe(uri: string): Promise<void>;
  /** To be called after `uri` was removed from them. */
  unsubscribe(uri: string): void;
  forget(peerId: string): void;
  /** A call is in flight on it. */
  busy(): boolean;
  /** Milliseconds since it was last of use to anybody; absent where an idle link costs nothing. */
  quietMs?(): number;
  /**
   * The machine slept: what is silent now may be dead without our knowing. Renews what it can without failing a call that could still end well;
   * false: a new link is better. Absent where sleep does no harm.
   */
  wake?(): boolean;
  close(): Promise<void>;
}
