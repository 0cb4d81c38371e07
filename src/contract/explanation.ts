export type DecisionEffect = 'allow' | 'ask' | 'deny';

/** Why a thing is allowed or not: the rule's id and its author's words, what was missing, and the bundle that said so. */
export interface Explanation {
  effect: DecisionEffect;
  /** The rule that decided; `gatehouse:...` where no company rule did (no permit, stale bundle, signed out ...). */
  rule: string;
  reason: string;
  /** A condition that did not hold, in words; absent where none is known. */
  missing?: string;
  bundleVersion?: number;
  /** Whether the agent sees the tool in its list. */
  visible: boolean;
}
