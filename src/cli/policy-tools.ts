import type { PolicyTools } from '../central/content/compile.ts';
import { audiencePolicies, compilePolicies } from '../policy/authoring/compile.ts';
import { knowledgeOf } from '../policy/authoring/knowledge.ts';
import { loadValidation, uncheckedOf, validatorOf } from '../policy/deciding/validation.ts';
import { openPolicy } from '../policy/policy.ts';

/** Cedar as the central API needs it. src/central and src/policy do not import each other; the command line, which runs the API, connects them. */
export const policyTools: PolicyTools = {
  compilePolicies: (files, { servers, groups }) => compilePolicies(files, knowledgeOf(servers, groups)),
  audiencePolicies,
  async unchecked(tools) {
    await loadValidation();
    return tools.map((tool) => {
      // Some faults of a schema show only when it is compiled: so here, before any agent gets the tool.
      validatorOf(tool);
      return uncheckedOf(tool);
    });
  },
  canDiscover(bundle) {
    const device = { os: '', appVersion: '', managed: false };
    const policy = openPolicy(bundle, { person: '', device, now: () => Date.parse(bundle.issuedAt) });
    return bundle.servers.map(({ id }) => id).filter((id) => policy.canDiscover(id, '').effect !== 'deny');
  },
};
