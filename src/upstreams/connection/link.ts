import type { Log } from '../../base/log.ts';
import type { ServerEntry } from '../../bundle/schema.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Era } from '../../protocol/versions.ts';
import type { HeaderList } from '../credentials/credentials.ts';
import type { Output } from '../local/output.ts';
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
  /** So long a call waits for a start; agents give up at 60 s. The start goes on without it. */
  patienceMs: number;
  /** A process without calls and subscriptions for so long is ended; the next call starts it again. */
  idleMs: number;
  /** Without a word to a `server/discover` on a pipe, the server is taken for a legacy one (protocol 2026-07-28, "Versioning", stdio). */
  probeMs: number;
  /** HTTP connections to one upstream. */
  connections: number;
  /** Legacy HTTP sessions that belong to one agent each. */
  sessions: number;
  sessionIdleMs: number;
  /** So long a connection to where an upstream no longer is may go on with the calls that it has. */
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
  /** Live: the next bundle may say something else of what is reached in the same way. */
  readonly entry: ServerEntry;
  readonly clientInfo: { name: string; version: string };
  readonly log: Log;
  readonly limits: UpstreamLimits;
  /** What says who asks, for one request; `refused`: what was just answered 401. */
  credential(refused?: HeaderList): HeaderList | Promise<HeaderList>;
  /** How long connecting may take. */
  readonly startMs: number;
  /** Where a local server's words for people go; absent for a remote one. */
  readonly output: Output | undefined;
  /** The URIs that somebody is subscribed to at present: live, kept by the upstream above. */
  readonly uris: ReadonlySet<string>;
  onResourceUpdated(params: JsonObject): void;
  /** A call was answered, with whatever. */
  onAnswer(): void;
  /** A call came to nothing; the link itself can go on once the upstream is well. */
  onTrouble(error: UpstreamError): void;
  /** The link serves no more (its process ended, its upstream changed its era), and has already failed what was in flight on it. */
  onLost(link: Link, error: UpstreamError): void;
}

/** A working connection in a known era; the upstream above it knows when to make one and what to do when it is lost. */
export interface Link {
  readonly era: Era;
  call(call: UpstreamCall): Promise<Outcome>;
  /** After `uri` was added to the context's `uris`. Rejects where the upstream refuses. */
  subscribe(uri: string): Promise<void>;
  /** After `uri` was taken out of them. */
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
