/** Prints one JSON line: what a decision and a list cost at several sizes of a company. Nothing is asserted; numbers depend on the machine. */
import { loadCedar } from '../../src/policy/deciding/cedar.ts';
import { loadValidation, validatorOf } from '../../src/policy/deciding/validation.ts';
import { openPolicy } from '../../src/policy/policy.ts';

const groups = Array.from({ length: 20 }, (_, at) => `group-${at}`);
const sizes = [50, 500, 5000];
const now = Date.parse('2026-11-23T10:00:00Z');
const round = (value) => Math.round(value * 10) / 10;

await loadValidation();
let start = performance.now();
const cedar = loadCedar();
const result = { bench: 'policy', node: process.version, loadMs: round(performance.now() - start) };

const parse = (text) => cedar.policyToJson(text).json;
const conditions = [
  '',
  ' when { resource.readOnly }',
  ' when { context.args has path && context.args.path like "/srv/*" }',
  ' when { context.args has project && principal.groups.contains(context.args.project) }',
  ' when { context.device.managed && context.now.hour < 22 }',
];

/** As a typical tool has it: some texts, a pattern, an enumeration, a list, an object inside. */
const inputSchema = {
  type: 'object',
  properties: {
    path: { type: 'string', minLength: 1, maxLength: 4096 },
    project: { type: 'string', pattern: '^[a-z][a-z0-9-]*$' },
    force: { type: 'boolean' },
    mode: { enum: ['read', 'write', 'append'] },
    limit: { type: 'integer', minimum: 1, maximum: 1000 },
    options: {
      type: 'object',
      properties: { depth: { type: 'integer' }, tags: { type: 'array', items: { type: 'string' } } },
      required: ['depth'],
    },
  },
  required: ['path'],
  additionalProperties: false,
};

/** `own`: no two rules have the same conditions, so that sharing conditions saves nothing. */
function company(size, tools, own = false) {
  const servers = Array.from({ length: 50 }, (_, at) => server(`server-${at}`, at === 0 ? tools : 20));
  const policies = [compile(0, 'permit(principal, action == Action::"discover", resource);')];
  for (let at = 1; at < size; at++) {
    const group = `Group::"group-${at % 60}"`;
    const serverId = `server-${at % 50}`;
    const resource = at % 3 === 0 ? `resource == Tool::"${serverId}/tool-${at % 20}"` : `resource in Server::"${serverId}"`;
    const effect = at % 10 === 0 ? 'forbid' : 'permit';
    const shared =
      effect === 'forbid' ? ' when { context.args has force && context.args.force == true }' : conditions[at % conditions.length];
    const condition = own
      ? shared
          .replace('/srv/', `/srv/${at}/`)
          .replace('== true', `== ${at}`)
          .replace('< 22', `< ${22 + at}`)
      : shared;
    policies.push(compile(at, `${effect}(principal in ${group}, action == Action::"call", ${resource})${condition};`));
  }
  policies.push(
    compile(
      size,
      `permit(principal in Group::"group-1", action == Action::"call", resource in Server::"server-0") when { resource.readOnly };`,
    ),
  );
  return {
    format: 1,
    company: { id: 'c', name: 'C' },
    version: 1,
    groups,
    issuedAt: '2026-11-23T00:00:00Z',
    staleAfter: '2026-12-23T00:00:00Z',
    notAfter: '2027-12-23T00:00:00Z',
    servers,
    policies,
    limits: { concurrentCalls: 64, callsPerMinute: 0 },
  };
}

function compile(at, text) {
  const json = parse(text);
  return { id: `R-${at}`, effect: json.effect, annotations: {}, source: { file: 'x', line: at }, json };
}

function server(id, count) {
  const tools = Array.from({ length: count }, (_, at) => ({ name: `tool-${at}`, inputSchema }));
  const facts = Object.fromEntries(
    tools.map((tool, at) => [tool.name, { readOnly: at % 2 === 0, destructive: at % 7 === 0, openWorld: false, tags: [] }]),
  );
  return {
    id,
    name: id,
    title: id,
    description: '',
    version: '1',
    era: 'auto',
    auth: { type: 'none' },
    dataClass: 'internal',
    trust: 'x',
    owner: '',
    timeoutMs: 1000,
    tools: facts,
    catalogue: { capabilities: {}, tools, prompts: [], resources: [], resourceTemplates: [], skills: [], hashes: {} },
  };
}

function quantiles(run, count) {
  const times = [];
  for (let at = 0; at < count; at++) {
    const before = performance.now();
    run(at);
    times.push((performance.now() - before) * 1000);
  }
  times.sort((a, b) => a - b);
  return { p50: round(times[Math.floor(count * 0.5)]), p99: round(times[Math.floor(count * 0.99)]) };
}

/** Other values with each call: what is measured is a decision, not the memory of one. */
const args = (at) => ({ path: `/srv/a/${at}.txt`, project: `group-${at % 25}`, force: false, options: { depth: at, tags: ['a', 'b'] } });
const validator = validatorOf({ name: 'typical', inputSchema });
// Many in one measure: one alone is below what the clock tells apart.
const checkedUs = quantiles((at) => {
  for (let turn = 0; turn < 100; turn++) if (validator.misfit(args(at + turn)) !== undefined) throw new Error('they fit');
}, 2000);
result.checkUs = { p50: Math.round(checkedUs.p50) / 100, p99: Math.round(checkedUs.p99) / 100 };
result.sizes = {};
for (const size of sizes) {
  const bundle = company(size, 2000);
  const context = { person: 'ann', device: { os: 'linux', appVersion: '0.1.0', managed: true }, now: () => now };
  start = performance.now();
  const policy = openPolicy(bundle, context);
  const openMs = performance.now() - start;
  start = performance.now();
  const list = policy.list('call', 'server-0', 'codex');
  const coldMs = performance.now() - start;
  start = performance.now();
  for (let at = 0; at < 1000; at++) policy.list('call', 'server-0', 'codex');
  const warmMs = (performance.now() - start) / 1000;
  // The clock's next minute: rules on time are asked again, parsed sets are kept.
  const later = openPolicy(bundle, { ...context, now: () => clock });
  let clock = now;
  later.list('call', 'server-0', 'codex');
  clock += 60_000;
  start = performance.now();
  later.list('call', 'server-0', 'codex');
  const againMs = performance.now() - start;
  const question = (at) => ({ action: 'call', server: `server-${at % 50}`, name: `tool-${at % 20}`, args: args(at), agent: 'codex' });
  const first = quantiles((at) => policy.decide(question(at)), 1000);
  const decideUs = quantiles((at) => policy.decide(question(at)), 5000);
  const tool = question(0);
  const oneToolUs = quantiles((at) => policy.decide({ ...tool, args: args(at) }), 5000);
  const apart = openPolicy(company(size, 20, true), context);
  for (let at = 0; at < 1000; at++) apart.decide(question(at));
  const ownUs = quantiles((at) => apart.decide(question(at)), 5000);
  const effects = { allow: 0, ask: 0, deny: 0 };
  for (let at = 0; at < 1000; at++) effects[policy.decide(question(at)).effect]++;
  result.sizes[size] = {
    openMs: round(openMs),
    decideUs,
    oneToolUs,
    ownUs,
    coldUs: first,
    list2000: {
      coldMs: round(coldMs),
      nextMinuteMs: round(againMs),
      warmMs: Math.round(warmMs * 10000) / 10000,
      visible: [...list.values()].filter((verdict) => verdict.effect !== 'deny').length,
    },
    effects,
  };
}
console.log(JSON.stringify(result));
