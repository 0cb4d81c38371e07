import type { Decision, DecisionRequest } from '../../policy/policy.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Outcome, Peer, UpstreamCall } from '../../upstreams/upstream.ts';
import type { Directory } from '../catalogue/directory.ts';
import type { Owner } from '../catalogue/owner.ts';
import type { CallContext } from './call-context.ts';

/** What a call asks for, once its server is found. */
export interface Target {
  owner: Owner;
  /** As the upstream spells it. */
  name: string;
  action: DecisionRequest['action'];
  /** When a value of a template is completed: the URI as far as it is filled in. Who may not read it may not complete it. */
  filled?: string;
  /** When the call asks about the task of an earlier call: the upstream's id of that task. */
  taskId?: string;
}

/** One exchange on its way through the pipeline. */
export interface Call extends Pick<UpstreamCall, 'signal' | 'onProgress' | 'onNotification' | 'onRequest' | 'caughtUp'> {
  agent: string;
  peer: Peer;
  method: string;
  /** As the agent sent them. */
  params: JsonObject;
  /** As the agent named it. */
  asked: string;
  target: Target | undefined;
  args: JsonObject;
  requestBytes: number;
  directory: Directory;
  /** The ledger groups calls by it. */
  session?: string;
}

/** A call under way: the rules that hold for it, and what its steps found out. */
export interface Passage extends Call {
  readonly context: CallContext;
  /** What the steps so far decided; the record names the last one. */
  verdict: Decision;
  /** Milliseconds that the upstream took. */
  upstreamMs: number;
}

/** One step of the pipeline: looks at the call, lets the inner steps answer or answers itself, and looks at the answer. */
export type Step = (call: Passage, next: Next) => Promise<Outcome>;

/** What is inside of a step. */
export type Next = (call: Passage) => Promise<Outcome>;
