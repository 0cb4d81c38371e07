import { type Outcome, SignInNeeded, UpstreamError } from '../../upstreams/upstream.ts';
import { type InputRequest, unaskable, worded } from '../rounds/questions.ts';
import { decide } from './authorize.ts';
import type { Call, Passage } from './call.ts';
import { denied } from './denial.ts';

/** What puts the missing sign-in to the person: a visit to an address of ours (URL elicitation). Undefined: the agent cannot be asked for it. */
export function signInRequest(call: Call, error: unknown): InputRequest | undefined {
  if (!(error instanceof SignInNeeded)) return undefined;
  const message = `Sign in to ${call.target!.owner.title}: ${error.message}.`;
  const request = { method: 'elicitation/create', params: { mode: 'url', message, url: error.url } };
  return unaskable(request, call.peer.capabilities) ? undefined : worded(request, call.peer.era);
}

/** Where the sign-in is missing, a legacy agent is asked in the middle of the call, which goes on when the person has signed in. */
export async function signedIn(call: Passage, attempt: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await attempt();
  } catch (error) {
    const request = signInRequest(call, error);
    if (!request || !call.onRequest) throw error;
    const { ticket } = error as SignInNeeded;
    const { asking } = call.context;
    const key = `${call.peer.id} ${ticket}`;
    const open = asking.get(key) ?? call.onRequest(request, call.signal);
    asking.set(key, open);
    try {
      const answer = await open;
      if ('error' in answer) throw error;
      if (answer.result['action'] !== 'accept') throw new UpstreamError('cancelled', 'the person did not sign in');
      if (!(await call.context.signedIn(ticket, call.signal))) throw call.signal.aborted ? cancelled() : error;
    } finally {
      if (asking.get(key) === open) asking.delete(key);
    }
    return decidedAgain(call) ?? (await attempt());
  }
}

const cancelled = () => new UpstreamError('cancelled', 'the call was cancelled');

/** A call waited, and rules, person and time have gone on. What it gets instead of being carried out; undefined: it may go on. */
export function decidedAgain(call: Passage): Outcome | undefined {
  if (call.signal.aborted) throw cancelled();
  const context = call.context.present();
  if (context.person !== call.context.person) throw new UpstreamError('cancelled', 'somebody else is signed in now');
  const now = { ...call, context };
  call.verdict = now.verdict = decide(now);
  return now.verdict.effect === 'allow' ? undefined : denied(now);
}
