import type { IncomingHttpHeaders } from 'node:http';
import type { Reply } from '../../base/reply.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Address } from '../catalogue/address.ts';
import type { ListMethod, Surface } from '../catalogue/surface.ts';
import type { Stream } from '../http/answer.ts';
import type { CallContext } from '../pipeline/call-context.ts';
import type { Session, Sessions } from './sessions.ts';

/** A request that passed the guard and brought a valid bearer, or came over a bridge's connection. */
export interface Incoming {
  headers: IncomingHttpHeaders;
  response: Reply;
  agent: string;
  address: Address;
  bytes: number;
  /** Whether the agent takes an event stream. */
  mayStream: boolean;
  /** It came over a pipe, so its headers repeat nothing of its body. */
  piped: boolean;
}

/** Whoever is told of updated resources: a legacy session or a modern subscription. */
export type Subscriber = Pick<Session, 'agent' | 'address' | 'subscriptions' | 'resume' | 'over' | 'capabilities' | 'clientInfo'> & {
  id: string;
};

/** A modern `subscriptions/listen` that is open. */
export interface ListenStream extends Subscriber {
  /** Held back until the acknowledgement, which must come first. */
  send(message: string): void;
  acknowledge(message: string): void;
  wants: (method: ListMethod) => boolean;
  text: (method: string, params: JsonObject) => string;
  /** Ends it gracefully, with the result that the agent waits for. */
  finish: () => void;
}

/** What both eras' wires need of the gateway. */
export interface WireContext {
  sessions: Sessions;
  context(): CallContext;
  surface(address: Address, agent: string): Surface;
  seen(agent: string, client: { name: string; version: string } | undefined, era: 'legacy' | 'modern'): void;
  /** The id of a modern agent's conversation, for the ledger. */
  conversation(agent: string, address: Address, client: { name: string; version: string }): string;
  now(): number;
  listen(incoming: Incoming, stream: Stream, text: ListenStream['text'], wishes: JsonObject): ListenStream;
  /** False when the agent may not read it, nobody has it, or it came after `until`. */
  subscribe(subscriber: Subscriber, surface: Surface, uri: string, until?: AbortSignal): Promise<boolean>;
}
