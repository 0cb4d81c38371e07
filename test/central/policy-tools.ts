import type { PolicyTools } from '../../src/central/compile.ts';
import { audiencePolicies, compilePolicies } from '../../src/policy/compile.ts';
import { knowledgeOf } from '../../src/policy/knowledge.ts';
import { openPolicy } from '../../src/policy/policy.ts';

/** The real Cedar part, wired as the command line wires it. */
export const policyTools: PolicyTools = {
  compilePolicies: (files, { servers, groups }) => compilePolicies(files, knowledgeOf(servers, groups)),
  audiencePolicies,
  canDiscover(bundle) {
    const device = { os: '', appVersion: '', managed: false };
    const policy = openPolicy(bundle, { person: '', device, now: () => Date.parse(bundle.issuedAt) });
    return bundle.servers.map(({ id }) => id).filter((id) => policy.canDiscover(id, '').effect !== 'deny');
  },
};
