import type { OwnRule } from '../../contract/rule-ids.ts';
import type { LedgerEntry } from '../../ledger/record.ts';
import type { Policy } from '../../policy/policy.ts';
import type { Outcome, Upstream } from '../../upstreams/upstream.ts';
import type { Seal } from '../rounds/seal.ts';
import type { SuspendedCalls } from '../rounds/suspended-calls.ts';
import type { Tasks } from '../rounds/tasks.ts';
import type { Limiter } from './limiter.ts';

/** What calls are decided by and carried out with at present. Each change of rules or person makes a new one. */
export interface CallContext {
  /** Empty: nobody is signed in. */
  person: string;
  /** Absent: nobody is signed in, or no bundle holds. */
  policy: Policy | undefined;
  /** What agents are told where there is no policy: why, and what to do, in a sentence or two. */
  closed: { rule: OwnRule; reason: string };
  limiter: Limiter;
  ledger: { append(entry: LedgerEntry): void; healthy(): boolean };
  /** The seal on states that agents carry, and the calls that wait for them. */
  seal: Seal;
  suspended: SuspendedCalls;
  tasks: Tasks;
  /** The upstream as it is reached now: it may be replaced between two rounds of a call. */
  upstream(server: string): Upstream | undefined;
  /** Waits for the sign-in that a `SignInNeeded` spoke of. False: it ended without one, or the call did. */
  signedIn(ticket: string, signal: AbortSignal): Promise<boolean>;
  /** Sign-ins that agents are being asked for, by agent and sign-in: many calls that miss the same one ask their person once. */
  asking: Map<string, Promise<Outcome>>;
  /** What holds now: a call that waited was begun under what held before. */
  present(): CallContext;
  now(): number;
}
