import { createHash } from 'node:crypto';
import { digest, looksLike, newToken, tokenKinds } from '../credentials/token.ts';
import { type Allowed, type Asked, isCalled, type Limits } from './requests.ts';

/** One authorization code: what it is bound to, and what became of it. */
export interface Code extends Asked {
  decision: Allowed;
  /** Milliseconds since the epoch. */
  at: number;
  used: boolean;
  /** The grant that it was exchanged for. */
  grant?: string;
}

/** Authorization codes: in memory alone, good once and for a minute. */
export interface Codes {
  issue(asked: Asked, decision: Allowed): string;
  /** Undefined for a text that is none. A code that was used is found for a while, so that a second use is noticed. */
  find(code: string): Code | undefined;
  isFresh(code: Code): boolean;
  /** An agent was revoked: what would make it anew is void. */
  forget(name: string): void;
  /** The person said something else of an agent: it goes for its codes, too. */
  limit(client: string, name: string, limits: Limits): void;
}

/** Milliseconds: how long a code is good, and how long it is remembered. */
const good = 60_000;
const remembered = 10 * 60_000;
const most = 500;

export function openCodes(now: () => number): Codes {
  const all = new Map<string, Code>();
  return {
    issue(asked, decision) {
      for (const [hash, { at }] of all) if (Math.abs(now() - at) > remembered || all.size >= most) all.delete(hash);
      const code = newToken(tokenKinds.code);
      all.set(digest(code), { ...asked, decision, at: now(), used: false });
      return code;
    },
    find: (code) => (looksLike(code, 'ghc_') ? all.get(digest(code)) : undefined),
    isFresh: (code) => Math.abs(now() - code.at) <= good,
    forget(name) {
      for (const code of all.values()) if (isCalled(code.decision.name, name)) code.used = true;
    },
    limit(client, name, limits) {
      for (const code of all.values())
        if (code.client.id === client && isCalled(code.decision.name, name)) code.decision = { ...code.decision, ...limits };
    },
  };
}

/** RFC 7636 section 4.6, S256 alone. */
export const provesChallenge = (verifier: string, challenge: string): boolean =>
  /^[A-Za-z0-9._~-]{43,128}$/.test(verifier) && createHash('sha256').update(verifier).digest('base64url') === challenge;
