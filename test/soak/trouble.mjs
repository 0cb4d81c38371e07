// What may come of a call to each server and tool. Anything else is an error that nobody injected.

const s = String.raw;
const nothing = s`timed-out: no answer and no progress for 3 s`;
const broke = 'failed: the connection broke before the answer was complete';
const unheard = 'failed: the connection broke before anything of the answer came, so it is unknown whether the call was carried out';
const ended = 'failed: its stream ended before the answer';
const large = s`too-large: a message of more than \d+ bytes`;

/** What each behaviour of a nasty server (test/support/upstreams/nasty.ts) may cause. */
const ofHttp = {
  hang: [nothing],
  'hang-after-head': [nothing],
  die: [unheard],
  'die-in-the-body': [broke],
  'stream-ends': [ended],
  'not-json': ['failed: an answer that is not JSON'],
  'event-not-json': ['failed: an answer that is not JSON'],
  'no-object': ['failed: an answer that is no JSON-RPC message'],
  'wrong-id': ['failed: an answer to something else'],
  'neither-result-nor-error': ['failed: an answer with neither a result nor an error'],
  'result-no-object': ['failed: an answer with neither a result nor an error'],
  empty: ['failed: an empty answer'],
  // Where a busy machine needs longer for so much than the server's whole time, that is over first.
  'endless-line': [large, nothing],
  flood: ['too-large: a flood of messages without an answer'],
  redirect: ['failed: it answered HTTP 307: redirects are not followed'],
  unauthorized: ['unauthorized'],
  forbidden: ['unauthorized'],
  broken: ['failed: it answered HTTP 500'],
};
const crashed = 'failed: its process ended with exit code 7: .*giving up because of soak';
// What writes without a pause may run out of the system's buffers (ENOBUFS) before we have had enough of it.
const choked = s`failed: its process ended with exit code 1: .*syscall: 'write'.*`;
const ofProcess = {
  crash: [crashed],
  hang: [nothing],
  flood: ['failed: it flooded its output and was ended', nothing, choked],
  endless: [large, nothing, choked],
};
const closed = ['failed: Gatehouse closed its session', 'failed: Gatehouse has closed it'];
// It is cut off, is not there for a moment, and is reconnected by a person.
const ofShaky = [
  broke,
  unheard,
  s`failed: nothing answers at http://127\.0\.0\.1:\d+`,
  s`failed: no connection to http://127\.0\.0\.1:\d+: ECONNRESET`,
  ...closed,
];
const ofSome = [...closed, 'failed: the server is not running', 'gone'];

/** The same trouble once more, from the circuit that it opened. */
function refused(troubles) {
  const messages = troubles.map((trouble) => trouble.replace(/^[a-z-]+: /, '')).join('|');
  return s`unreachable: (\d+ calls in a row failed, the last with: )?(${messages})(; the next attempt is in \d+ s)?`;
}

const exactly = (patterns) => new RegExp(`^(${patterns.join('|')})$`);

function rules(ofTool) {
  const all = [...new Set(Object.values(ofTool).flat())];
  const circuit = refused(all);
  // A process may end under a call that came after the one that ended it.
  const after = ofTool === ofProcess ? all : [];
  return {
    ...Object.fromEntries(Object.entries(ofTool).map(([tool, troubles]) => [tool, exactly([...troubles, ...after, circuit])])),
    echo: exactly(['ok', ...after, circuit]),
  };
}

const permitted = {
  wild: rules(ofHttp),
  wilder: rules(ofHttp),
  crasher: rules(ofProcess),
  shaky: { echo: exactly(['ok', ...ofShaky, refused(ofShaky)]) },
  some: { echo: exactly(['ok', ...ofSome, refused(ofSome)]) },
};

/** Calm servers' calls are answered, all of them. */
export function isPermitted(server, tool, outcome) {
  const rule = permitted[server];
  return rule ? (rule[tool]?.test(outcome) ?? false) : outcome === 'ok';
}

const words = {
  unauthorized: /^Gatehouse has no credential that (?<server>\S+) takes, so "(?<name>\S+)" was not run\./,
  'timed-out': /^(?<server>\S+) did not answer "(?<name>\S+)" in time\. .* \((?<message>.*)\)$/,
  unreachable: /^(?<server>\S+) cannot be reached just now, so "(?<name>\S+)" was not run\. .* \((?<message>.*)\)$/,
  cancelled: /^"(?<name>\S+)" on (?<server>\S+) was cancelled\.$/,
  'too-large': /^The answer of (?<server>\S+) to "(?<name>\S+)" is larger than .* \((?<message>.*)\)$/,
  failed: /^(?<server>\S+) failed while it ran "(?<name>\S+)"\. .* \((?<message>.*)\)$/,
};

/** An agent's answer in a word or two: ok, gone (its server was taken away), or what went wrong. */
export function outcomeOf(name, answer) {
  if (!answer) return 'no answer';
  if (answer.error?.code === -32602 && answer.error.message === `Unknown tool: ${name}`) return 'gone';
  if (!answer.result) return `an error: ${JSON.stringify(answer)}`;
  if (!answer.result.isError) return 'ok';
  const said = answer.result.content[0].text;
  for (const [problem, pattern] of Object.entries(words)) {
    const { groups } = pattern.exec(said) ?? {};
    if (!groups) continue;
    if (groups.name !== name || groups.server !== name.split('__')[0]) return `the trouble of another call: ${said}`;
    return groups.message === undefined ? problem : `${problem}: ${groups.message}`;
  }
  return `unknown trouble: ${said}`;
}

/** The same of a record of the ledger. */
export function recorded(outcome, error) {
  if (outcome === 'ok') return 'ok';
  if (error?.startsWith('-32602 Unknown tool: ')) return 'gone';
  const [, problem, message] = /^([a-z-]+): (.*)$/s.exec(error ?? '') ?? [undefined, 'unknown trouble', error];
  if (problem === 'unauthorized' || problem === 'cancelled') return problem;
  return `${problem in words ? problem : 'failed'}: ${message}`;
}
