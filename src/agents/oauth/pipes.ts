import { Failure } from '../../base/errors.ts';
import { type Client, claimedName } from './metadata.ts';
import { pipe } from './redirects.ts';
import { consentMs, type Requests } from './requests.ts';

/** Questions to the person about programs that come over a pipe, among those of agents that wait in a browser. */
export interface Pipes {
  /**
   * One question for a program, however often it comes. `program`: as the system describes it. Returns the code of the question.
   * Throws Failure('unavailable') where too many wait.
   */
  askFor(client: Pick<Client, 'id' | 'name'>, program: string, resource: string): string;
  /** What became of such a question; 'denied' only where the person said so. */
  decided(id: string, signal: AbortSignal): Promise<'allowed' | 'denied' | 'over'>;
}

/** Milliseconds between two looks at a question that wait; a decision is heard at once. */
const lookMs = 20_000;

export function openPipes(options: { requests: Requests; mayAsk(): boolean; changed(): void; now(): number }): Pipes {
  const { requests, now } = options;
  return {
    askFor(client, program, resource) {
      const same = requests.open().find((each) => each.client.id === client.id && each.resource === resource);
      if (same) return same.id;
      const asked = { client: { ...client, name: claimedName(client.name), redirectUris: [] }, redirect: pipe, resource };
      const pending = options.mayAsk() ? requests.add({ ...asked, state: undefined, challenge: '', issuer: '' }) : undefined;
      if (!pending)
        throw new Failure('unavailable', 'Too many agents wait to be allowed.', 'Ask the person to decide on them in Gatehouse first.');
      pending.program = program;
      options.changed();
      return pending.id;
    },
    async decided(id, signal) {
      const pending = requests.find(id);
      while (pending && requests.waiting(pending.wait) && pending.decision === undefined && !signal.aborted)
        await requests.decided(pending, lookMs, signal);
      if (!pending?.decision) return 'over';
      return pending.decision.allow ? 'allowed' : now() - pending.at < consentMs ? 'denied' : 'over';
    },
  };
}
