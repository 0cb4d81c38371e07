import type { DecisionRequest, Policy } from '../../policy/policy.ts';

/** What lists show, decided by the same rules as calls. A URI outside the blessed lists is visible where reading it is allowed at all. */
export function visible(policy: Policy, { action, server, name, agent }: Omit<DecisionRequest, 'args'>): boolean {
  if (action === 'discover') return policy.canDiscover(server, agent).effect !== 'deny';
  const verdicts = policy.list(action, server, agent);
  const skill = action === 'read' ? policy.skillOf(server, name) : undefined;
  // Whoever sees a skill sees its files.
  const listed = verdicts.get(name) ?? verdicts.get(skill ?? '');
  return listed !== undefined && listed.effect !== 'deny';
}
