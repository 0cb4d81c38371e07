import { z } from 'zod';
import { name, server } from './fields.ts';

const code = z.string().min(1).max(20);

/** Agents that sign in by themselves: who waits for the person, and what the person says. */
export const consentCommands = {
  /**
   * `name`: what the agent is called from now on. `servers`: the only ones that it may reach, or all that the company's rules allow. `days`: after that it is
   * out; 0: it stays until it is revoked. Left out, each is as before for an agent that signs in again, and otherwise without a limit.
   */
  'consent-allow': z.strictObject({
    id: code,
    name: name.optional(),
    servers: z.union([z.literal('all'), z.array(server).min(1).max(500)]).optional(),
    days: z.int().min(0).max(366).optional(),
  }),
  'consent-deny': z.strictObject({ id: code }),
};

export interface ConsentOutputs {
  'consent-allow': { name: string };
  'consent-deny': Record<string, never>;
}

/** An agent that waits, in the browser or over a pipe, for the person's word. */
export interface ConsentRequest {
  /** Short; the browser shows the same, so that the person can compare. */
  id: string;
  at: string;
  expiresAt: string;
  /** `name`: as it calls itself, which proves nothing. `host`: of the document that describes it; absent: it registered itself. */
  client: { name: string; host?: string };
  /** Where the browser takes the answer. `machine`: to a program on this computer, whichever that is. `pipe`: no browser, `program` started the bridge. */
  redirect: { place: string; reach: 'machine' | 'web' | 'pipe' };
  /** Who started the bridge, or who listens where the answer goes, as the system says: `the program "claude" (process 42)`. No proof of who asks. Absent: it does not say, or there is no port. */
  program?: string;
  /** The one server that it asks for; absent: all. */
  server?: string;
  /** What it will be called unless the person says otherwise. */
  name: string;
  /** It signed in before, as the agent of this name; what that one was limited to. */
  again?: { servers?: string[]; expiresAt?: string };
}
