// What does not pass, or is not run, and why. What the suite scores may not fail anywhere; where the upstream speaks its revision, nothing may.

const tasks =
  'tasks of 2026-07-28 are an extension that a server of 2025-11-25 cannot offer: calls take their time, and Gatehouse makes no tasks of its own';

/** Why a scenario may fail; undefined: it may not. `across`: the upstream does not speak the suite's revision itself. */
export function mayFail(suite, scenario, across) {
  return suite === '2026-07-28' && across && scenario.startsWith('tasks-') ? tasks : undefined;
}

const extensions = {
  'auth/dpop': 'DPoP',
  'auth/dpop-nonce': 'DPoP',
  'auth/wif-jwt-bearer': 'workload identity federation',
};

/** Why a client scenario is not run; undefined: it is. */
export function notApplicable(scenario) {
  const extension = extensions[scenario];
  return extension === undefined ? undefined : `an extension that Gatehouse does not speak to upstreams: ${extension}`;
}
