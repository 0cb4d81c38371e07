import type { Grants } from '../credentials/grants.ts';
import { OAuthError } from './errors.ts';
import type { Requests } from './requests.ts';

/** What the company says of one client document. */
export interface ClientRule {
  clientId: string;
  decision: 'block';
}

/**
 * The company's word on clients. It holds until the next bundle replaces it, also while there is none: who was blocked does not come in through a gap. Only
 * client documents can be named, as an agent that registers itself has an id that nobody knew before (docs/adr/0063).
 */
export function openCompanyWord(options: { requests: Requests; grants: Pick<Grants, 'endClient'> }) {
  let blocked: ReadonlySet<string> = new Set();
  return {
    /** Throws OAuthError for a client that the company blocks. */
    refuse(client: string): void {
      if (blocked.has(client))
        throw new OAuthError('unauthorized_client', 'Your company does not let this agent sign in. Ask your IT about it.');
    },
    follow(rules: readonly ClientRule[]): void {
      blocked = new Set(rules.map(({ clientId }) => clientId));
      // First what waits, so that nobody is asked about an agent that cannot come in. Codes end at the token endpoint, which asks here.
      for (const pending of options.requests.open()) if (blocked.has(pending.client.id)) options.requests.decide(pending, { allow: false });
      for (const client of blocked) options.grants.endClient(client);
    },
  };
}
