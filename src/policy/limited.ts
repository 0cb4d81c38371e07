import { ownRules } from '../contract/rule-ids.ts';
import { deny } from './deciding/decision.ts';
import type { Policy } from './policy.ts';

/**
 * The company's rules, and on top of them what the person lets each agent reach: a server out of reach is hidden from the agent as if no rule permitted it.
 * Nothing is allowed here that the rules do not allow.
 */
export function limited(policy: Policy, reaches: (agent: string, server: string) => boolean): Policy {
  const outOfReach = () => deny(ownRules.agentLimit, 'The person lets this agent reach other servers only.');
  const none: ReturnType<Policy['list']> = new Map();
  return {
    ...policy,
    decide: (question) => (reaches(question.agent, question.server) ? policy.decide(question) : outOfReach()),
    preview: (question) => (reaches(question.agent, question.server) ? policy.preview(question) : outOfReach()),
    list: (action, server, agent) => (reaches(agent, server) ? policy.list(action, server, agent) : none),
    canDiscover: (server, agent) => (reaches(agent, server) ? policy.canDiscover(server, agent) : outOfReach()),
  };
}
