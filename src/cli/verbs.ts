import type { Verb } from './usage.ts';
import type { VerbModule } from './verb.ts';

/** Loaded when used, so that `gatehouse --help` and each verb pay for nothing else. */
export const load: Record<Verb, () => Promise<VerbModule>> = {
  demo: () => import('./demo.ts'),
  serve: () => import('./serve.ts'),
  central: () => import('./central.ts'),
  status: () => import('./status.ts'),
  login: () => import('./login.ts'),
  logout: () => import('./logout.ts'),
  agents: () => import('./agents.ts'),
  connect: () => import('./connect.ts'),
  bridge: () => import('./bridge.ts'),
  disconnect: () => import('./disconnect.ts'),
  servers: () => import('./servers.ts'),
  tools: () => import('./tools.ts'),
  search: () => import('./search.ts'),
  call: () => import('./call.ts'),
  explain: () => import('./explain.ts'),
  ledger: () => import('./ledger.ts'),
  policy: () => import('./policy.ts'),
  vault: () => import('./vault.ts'),
  open: () => import('./open.ts'),
};
