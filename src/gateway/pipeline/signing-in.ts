import { type Outcome, SignInNeeded, UpstreamError } from '../../upstreams/upstream.ts';
import { type InputRequest, unaskable, worded } from '../rounds/questions.ts';
import type { Call } from './call.ts';
import type { CallContext } from './call-context.ts';

/** What puts the missing sign-in to the person: a visit to an address of ours (URL elicitation). Undefined: the agent cannot be asked for it. */
export function signInRequest(call: Call, error: unknown): InputRequest | undefined {
  if (!(error instanceof SignInNeeded)) return undefined;
  const message = `Sign in to ${call.target!.owner.title}: ${error.message}.`;
  const request = { method: 'elicitation/create', params: { mode: 'url', message, url: error.url } };
  return unaskable(request, call.peer.capabilities) ? undefined : worded(request, call.peer.era);
}

/** Where the sign-in is missing, a legacy agent is asked in the middle of the call, which goes on when the person has signed in. */
export async function signedIn(call: Call, context: CallContext, attempt: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await attempt();
  } catch (error) {
    const request = signInRequest(call, error);
    if (!request || !call.onRequest) throw error;
    const answer = await call.onRequest(request, call.signal);
    if ('error' in answer) throw error;
    if (answer.result['action'] !== 'accept') throw new UpstreamError('cancelled', 'the person did not sign in');
    await context.signedIn(call.target!.owner.id, call.signal);
    return await attempt();
  }
}
