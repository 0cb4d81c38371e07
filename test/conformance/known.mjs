// What does not pass, or is not run, and why. Where the upstream speaks the suite's revision nothing may fail, scored or not. Across eras one
// scenario that the suite does score stands here: CONFORMANCE.md says so in its first lines.

const tasks =
  'tasks of 2026-07-28 are an extension that a server of 2025-11-25 cannot offer: calls take their time, and Gatehouse makes no tasks of its own';
const ownKey =
  'the suite wants the key "user_name" in inputRequests; a server of 2025-11-25 asks without keys, so Gatehouse gives its own (q1, q2 ...), as the protocol lets it';

/** Why a scenario may fail; undefined: it may not. `across`: the upstream does not speak the suite's revision itself. */
export function mayFail(suite, scenario, across) {
  if (suite !== '2026-07-28' || !across) return undefined;
  if (scenario.startsWith('tasks-')) return tasks;
  return scenario === 'input-required-result-basic-elicitation' ? ownKey : undefined;
}

/** Why a client scenario is not run; undefined: it is. */
export function notApplicable(scenario) {
  if (scenario.startsWith('auth/')) return 'OAuth towards upstreams does not exist yet: an upstream is reached without a credential';
  return undefined;
}
