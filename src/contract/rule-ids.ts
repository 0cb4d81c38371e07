/** Gatehouse's own rules, which decide where no rule of the company does. Each explains itself in `reason`. */
export const ownRules = {
  signedOut: 'gatehouse:signed-out',
  noRules: 'gatehouse:no-rules',
  ledgerFailed: 'gatehouse:ledger-failed',
  unknown: 'gatehouse:unknown',
  cancel: 'gatehouse:cancel',
  limit: 'gatehouse:limit',
  secretMissing: 'gatehouse:secret-missing',
  secretUnavailable: 'gatehouse:secret-unavailable',
  unread: 'gatehouse:unread',
  invalidArguments: 'gatehouse:invalid-arguments',
  noPermit: 'gatehouse:no-permit',
  agentLimit: 'gatehouse:agent-limit',
  staleBundle: 'gatehouse:stale-bundle',
  expiredBundle: 'gatehouse:expired-bundle',
  argumentsTooLarge: 'gatehouse:arguments-too-large',
  policyError: 'gatehouse:policy-error',
  /** A note of the ledger about itself. */
  ledgerNote: 'gatehouse:ledger',
} as const;

export type OwnRule = (typeof ownRules)[keyof typeof ownRules];

const all: ReadonlySet<string> = new Set(Object.values(ownRules));
export const isOwnRule = (rule: string): rule is OwnRule => all.has(rule);
