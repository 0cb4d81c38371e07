import type { Agents } from '../agents/credentials/credentials.ts';
import type { EndedBy } from '../agents/credentials/grants.ts';
import type { Authorization } from '../agents/oauth/authorization.ts';
import type { Gateway } from '../gateway/gateway.ts';

/** What the person changes for an agent holds at once: for what is open, for what is shown, and for what waits to be allowed. */
export function followAgents(
  agents: Agents,
  authorization: Authorization,
  gateway: () => Pick<Gateway, 'dismiss' | 'relimit'> | undefined,
): void {
  agents.watch(({ kind, name }) => {
    if (kind === 'revoked') authorization.forget(name);
    if (kind === 'revoked' || kind === 'ended') gateway()?.dismiss(name);
    if (kind === 'changed') authorization.limited(name);
    // One that is new may have the name of one that was revoked, and what that one was shown is kept by its name.
    if (kind === 'changed' || kind === 'added') gateway()?.relimit();
  });
}

/** For the record. */
export function endedInWords(name: string, why: EndedBy): string {
  const reasons: Record<EndedBy, string> = {
    reuse: 'a token or code of it was used again after its time, so somebody has a copy',
    company: 'the company blocks it',
    agent: 'it signed out by itself',
    time: 'its time is over',
  };
  return `What the agent "${name}" came in with was ended: ${reasons[why]}.`;
}
