import type { ErrorValue } from '../base/errors.ts';
import type { Activity } from './activity.ts';
import type { AgentRow, Exposure } from './agents.ts';
import type { Person } from './company.ts';
import type { ConsentRequest } from './consent.ts';
import type { ServerRow } from './servers.ts';

/** All that a window shows without asking. */
export interface View {
  app: {
    name: 'Gatehouse';
    version: string;
    shell: 'electron' | 'headless';
    vault: 'keychain' | 'key-from-environment' | 'memory';
    dataDir: string;
  };
  identity: {
    state: 'starting' | 'signed-out' | 'signing-in' | 'signed-in' | 'expired';
    person?: Person;
    /** While signing in: where to go by hand (browser), and what to type there (device). */
    prompt?: { method: 'browser' | 'device'; url: string; userCode?: string; expiresAt?: string };
    error?: ErrorValue;
  };
  company: {
    state: 'connecting' | 'online' | 'offline' | 'unconfigured';
    name?: string;
    central?: string;
    supportUrl?: string;
    error?: ErrorValue;
    lastContactAt?: string;
  };
  bundle: {
    state: 'none' | 'fresh' | 'stale' | 'expired' | 'refused';
    version?: number;
    issuedAt?: string;
    staleAfter?: string;
    notAfter?: string;
    /** Set while a newer bundle was refused and the last good one is kept. */
    error?: ErrorValue;
  };
  /** `error` beside `on`: another program has one of the port's addresses. `exposure`: credentials that may have leaked to it. */
  gateway: { state: 'off' | 'on' | 'failed'; url?: string; error?: ErrorValue; exposure?: Exposure };
  servers: ServerRow[];
  agents: AgentRow[];
  /** Agents that wait to be allowed, oldest first. */
  consents: ConsentRequest[];
  today: { calls: number; denied: number; errors: number };
  lastCall?: Pick<
    Activity,
    'seq' | 'at' | 'agent' | 'server' | 'method' | 'target' | 'decision' | 'rule' | 'reason' | 'outcome' | 'totalMs' | 'upstreamMs'
  >;
  ledger: { records: number; uploaded: number; error?: ErrorValue };
}
