import type { PolicyTools } from '../central/content/compile.ts';
import { audiencePolicies, compilePolicies } from '../policy/authoring/compile.ts';
import { knowledgeOf } from '../policy/authoring/knowledge.ts';
import { loadValidation, uncheckedOf, validatorOf } from '../policy/deciding/validation.ts';
import { openPolicy } from '../policy/policy.ts';

/** Cedar as the central API needs it. The two rooms do not know each other; the command line, which runs the API, introduces them. */
export const policyTools: PolicyTools = {
  compilePolicies: (files, { servers, groups }) => compilePolicies(files, knowledgeOf(servers, groups)),
  audiencePolicies,
  async unchecked(tools) {
    await loadValidation();
    return tools.map((tool) => {
      // What only compiling shows is shown here, before anybody is given the tool.
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
