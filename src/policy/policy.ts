import { readable } from '../bundle/readable.ts';
import type { Bundle, Freshness, ServerEntry } from '../bundle/schema.ts';
import { ownRules } from '../contract/rule-ids.ts';
import { type Decision, deny, judge, settle } from './deciding/decision.ts';
import { posing } from './deciding/namesakes.ts';
import type { Findings } from './deciding/part.ts';
import { type Ask, type Circumstances, factsOf } from './deciding/request.ts';
import { named } from './deciding/scope.ts';
import { openSkillScopes, type SkillScope } from './deciding/skills.ts';
import { inFull, openSlices, type Slice } from './deciding/slice.ts';
import { type Slots, sharedSlots } from './deciding/slots.ts';
import { openSpellings } from './deciding/spellings.ts';
import { validatorOf } from './deciding/validation.ts';

export type { Decision } from './deciding/decision.ts';

export interface DecisionRequest {
  action: 'discover' | 'call' | 'get' | 'read';
  server: string;
  /** Tool or prompt name or URI as the upstream has it; `''` for discover. */
  name: string;
  args?: Record<string, unknown>;
  agent: string;
  /** What inspection found. Left out means that nothing was inspected: rules that ask for findings then deny. */
  facts?: readonly string[];
}

export interface Policy {
  readonly version: number;
  /** Whether any rule's answer for this person can change with the clock alone (freshness apart). */
  readonly timeDependent: boolean;
  /** The real decision. Left-out arguments are no arguments, not unknown ones. */
  decide(question: DecisionRequest): Decision;
  /** The decision before the arguments are known: a permit that depends on them counts as one that may apply, a forbid that does is ignored. */
  preview(question: DecisionRequest): Decision;
  /** `preview` of every catalogued name (for resources: URIs, of skills too, and URI templates); all but `deny` is visible. Kept until the clock or freshness matters. */
  list(action: 'call' | 'get' | 'read', server: string, agent: string): ReadonlyMap<string, Decision>;
  canDiscover(server: string, agent: string): Decision;
  /** The blessed skill to which a URI belongs, if any: its rules are the ones that `decide` asks. */
  skillOf(server: string, uri: string): string | undefined;
  /** Whether a rule that may apply asks for findings, so that inspection is needed before `decide`. */
  asksForFacts(question: DecisionRequest): boolean;
}

const maxLists = 1000;
/** A URI that an agent made up is as long as the agent likes. */
const maxKeptName = 2048;
const minute = 60_000;
let opened = 0;

/** The rules of one signed bundle for one person. Groups come from the bundle; nothing here is read from claims or from upstreams. */
export function openPolicy(
  bundle: Bundle,
  context: { person: string; device: { os: string; appVersion: string; managed: boolean }; now: () => number },
  slots: Slots = sharedSlots(),
): Policy {
  const slices = openSlices(bundle.policies, context.person, bundle.groups, `p${++opened}`);
  const servers = new Map(bundle.servers.map((server) => [server.id, server]));
  const names = new Map(bundle.servers.map((server) => [server.id, catalogued(server)]));
  const spellings = new Map<string, (uri: string) => string[]>();
  const skills = new Map<string, (uri: string) => SkillScope>();
  const [staleAt, endsAt] = [Date.parse(bundle.staleAfter), Date.parse(bundle.notAfter)];
  const timed = (slice: { mentions: Slice['mentions'] }): boolean => slice.mentions.context.has('now') || slice.mentions.context.has('*');
  const timeDependent = slices.rules.some(timed);
  const lists = new Map<string, { stamp: string; verdicts: Map<string, Decision> }>();
  const discovered = new Map<string, { stamp: string; verdict: Decision }>();
  const settled = new Map<string, { stamp: string; findings: Findings; verdict: Decision | undefined }>();

  const circumstances = (): Circumstances => {
    const now = context.now();
    // A bundle whose dates cannot be read is not one that never ends.
    const freshness: Freshness = now < staleAt && now < endsAt ? 'fresh' : now < endsAt ? 'stale' : 'expired';
    return { person: context.person, groups: bundle.groups, device: context.device, freshness, now };
  };

  const discover = (server: ServerEntry, agent: string, at: Circumstances): Decision => {
    const slice = slices.find('discover', server.id, '');
    const key = `${server.id} ${agent}`;
    const cached = discovered.get(key);
    if (cached?.stamp === at.freshness) return cached.verdict;
    const verdict = judge(slice, { action: 'discover', server, name: '', agent, args: {}, facts: [] }, at, slots);
    // Seeing a server is never asked for nor metered: obligations belong to what is done with it.
    const plain: Decision =
      verdict.effect === 'deny' ? verdict : { ...verdict, effect: 'allow', conditional: false, obligations: { redact: [] } };
    if (!timed(slice)) remember(discovered, key, { stamp: at.freshness, verdict: plain });
    return plain;
  };

  /** The checks before any rule on the tool, prompt or resource itself: a denial, the verdict of `discover`, or the server. */
  const precheck = (question: DecisionRequest, at: Circumstances): Decision | ServerEntry => {
    if (at.freshness === 'expired')
      return deny(ownRules.expiredBundle, 'The company rules on this computer are too old to be used. Connect to the company network.');
    const server = servers.get(question.server);
    if (!server) return deny(ownRules.unknown, 'No blessed server has this name.');
    const seen = discover(server, question.agent, at);
    if (seen.effect === 'deny' || question.action === 'discover') return seen;
    if (question.action !== 'read' && !names.get(server.id)![question.action].has(question.name))
      return deny(ownRules.unknown, 'It is not in the blessed catalogue of this server.');
    if (at.freshness === 'stale' && question.action === 'call' && !factsOf(server, question.name).readOnly) {
      return deny(
        ownRules.staleBundle,
        'The company rules on this computer are out of date, so only tools that read may be used. Connect to the company network.',
      );
    }
    if (scopeOf(question, server) === 'outside')
      return deny(ownRules.unknown, 'It is no part of a blessed skill of this server, or not spelt as it was blessed.');
    return server;
  };

  /** Depends on the blessed catalogue alone, so it is prepared once per server. */
  const scopeOf = ({ action, name }: Pick<DecisionRequest, 'action' | 'name'>, server: ServerEntry): SkillScope => {
    if (action !== 'read') return undefined;
    const find = skills.get(server.id) ?? openSkillScopes(server.catalogue);
    skills.set(server.id, find);
    return find(name);
  };

  const asking = (question: DecisionRequest, server: ServerEntry): Ask => ({
    action: question.action,
    server,
    name: question.name,
    agent: question.agent,
    args: question.action === 'read' ? {} : (question.args ?? {}),
    facts: question.facts,
  });

  /**
   * A file of a skill may be read where the skill may, whatever holds for the rest of its server: hosts need all of a skill or nothing. A rule that
   * keeps a file back by its own name still does.
   */
  const governed = (question: DecisionRequest, server: ServerEntry, rule: (slice: Slice, ask: Ask) => Decision): Decision => {
    const scope = scopeOf(question, server);
    const slice = slices.find(question.action, server.id, question.name);
    if (!scope || scope === 'outside' || scope.skill === question.name) return rule(slice, asking(question, server));
    const verdict = rule(slices.find('read', server.id, scope.skill), asking({ ...question, name: scope.skill }, server));
    if (verdict.effect === 'deny') return verdict;
    const own = rule(inFull(slice), asking(question, server));
    return holdsBack(own) ? own : verdict;
  };

  const listedVerdict = (slice: Slice, ask: Ask, at: Circumstances): Decision => {
    const verdict = judge(slice.listed, ask, at, slots);
    return verdict.effect !== 'deny' && slice.conditionalForbid ? { ...verdict, conditional: true } : verdict;
  };

  const makeList = (action: 'call' | 'get' | 'read', serverId: string, agent: string, at: Circumstances): Map<string, Decision> => {
    const verdicts = new Map<string, Decision>();
    const shared = new Map<string, Decision>();
    for (const name of names.get(serverId)?.[action].keys() ?? []) {
      const question: DecisionRequest = { action, server: serverId, name, agent };
      const checked = precheck(question, at);
      if ('effect' in checked) {
        verdicts.set(name, checked);
        continue;
      }
      const verdict = governed(question, checked, (slice, ask) => {
        const key = `${slice.key} ${slice.permits} ${likeness(slice.listed, action, checked, ask.name)}`;
        const sharedVerdict = shared.get(key) ?? listedVerdict(slice, ask, at);
        shared.set(key, sharedVerdict);
        return sharedVerdict;
      });
      verdicts.set(name, verdict);
    }
    return verdicts;
  };

  /** Rules that look neither at what a call carries nor at the clock answer the same again, so that is kept; `ask` is then the whole question. */
  const ruling = (slice: Slice, ask: Ask, at: Circumstances): Decision => {
    // The length keeps a name and an agent from being read as another pair of them; a slice that is asked in full finds more.
    const key = `${ask.action} ${slice.permits} ${ask.server.id} ${ask.name.length} ${ask.name} ${ask.agent}`;
    const kept = settled.get(key);
    const current = kept?.stamp === at.freshness ? kept : undefined;
    if (current?.verdict) return current.verdict;
    const findings = current?.findings ?? settle(slice, ask, at, slots);
    const verdict = judge(slice, ask, at, slots, findings);
    // Failures of the engine are not kept, nor denials as such: those need not be fast.
    if (!current && findings && findings.failure === undefined && ask.name.length <= maxKeptName)
      remember(settled, key, { stamp: at.freshness, findings, verdict: slice.open || verdict.effect === 'deny' ? undefined : verdict });
    return verdict;
  };

  const rulingOf = (question: DecisionRequest, server: ServerEntry, at: Circumstances): Decision =>
    ruling(slices.find(question.action, question.server, question.name), asking(question, server), at);

  /**
   * A URI that is not blessed must not reach what a rule keeps back under its blessed name. Conditions on a template's text say nothing of the URIs
   * that come of it, so a template counts only where a rule forbids the template itself.
   */
  const keptBack = (question: DecisionRequest, server: ServerEntry, at: Circumstances): Decision | undefined => {
    const blessed = names.get(server.id)!.read;
    if (question.action !== 'read' || blessed.has(question.name)) return undefined;
    const find = spellings.get(server.id) ?? openSpellings(blessed);
    spellings.set(server.id, find);
    const forbidden = (name: string) =>
      slices
        .find('read', server.id, name)
        .rules.some(({ policy, json }) => policy.effect === 'forbid' && named(json.resource)?.id === `${server.id}/${name}`);
    return find(question.name)
      .filter((name) => !name.includes('{') || forbidden(name))
      .map((name) => rulingOf({ ...question, name }, server, at))
      .find(holdsBack);
  };

  return {
    version: bundle.version,
    timeDependent,
    decide(question) {
      const at = circumstances();
      const checked = precheck(question, at);
      if ('effect' in checked) return checked;
      const blessed = question.action === 'read' ? undefined : names.get(checked.id)![question.action as 'call' | 'get'].get(question.name);
      const wrong =
        misfit(question, blessed) ?? posing(question, checked, blessed, slices.find(question.action, question.server, question.name).names);
      if (wrong !== undefined) {
        // A denial that no arguments could change comes first: nobody should correct them in vain.
        const anyhow = governed({ ...question, args: {} }, checked, (slice, ask) => listedVerdict(slice, ask, at));
        return anyhow.effect === 'deny' ? anyhow : deny(ownRules.invalidArguments, `The arguments do not fit the tool: ${wrong}.`);
      }
      const verdict = governed(question, checked, (slice, ask) => ruling(slice, ask, at));
      return verdict.effect === 'deny' ? verdict : (keptBack(question, checked, at) ?? verdict);
    },
    preview(question) {
      const at = circumstances();
      const checked = precheck(question, at);
      if ('effect' in checked) return checked;
      return governed({ ...question, args: {} }, checked, (slice, ask) => listedVerdict(slice, ask, at));
    },
    list(action, server, agent) {
      const at = circumstances();
      const key = `${action} ${server} ${agent}`;
      const stamp = timeDependent ? `${at.freshness} ${Math.floor(at.now / minute)}` : at.freshness;
      const cached = lists.get(key);
      if (cached?.stamp === stamp) return cached.verdicts;
      const verdicts = makeList(action, server, agent, at);
      remember(lists, key, { stamp, verdicts });
      return verdicts;
    },
    canDiscover(server, agent) {
      const checked = precheck({ action: 'discover', server, name: '', agent }, circumstances());
      return 'effect' in checked ? checked : deny(ownRules.unknown, 'No blessed server has this name.');
    },
    skillOf(server, uri) {
      const entry = servers.get(server);
      const scope = entry && scopeOf({ action: 'read', name: uri }, entry);
      return scope && scope !== 'outside' ? scope.skill : undefined;
    },
    asksForFacts({ action, server, name }) {
      const skill = action === 'read' ? this.skillOf(server, name) : undefined;
      const contexts = [name, skill ?? name].map((target) => slices.find(action, server, target).mentions.context);
      return action !== 'discover' && contexts.some((mentioned) => mentioned.has('facts') || mentioned.has('*'));
    },
  };
}

/**
 * Where the arguments do not fit the blessed schema. Servers make `7` of `"7"` and `zephyr` of `["zephyr"]`, so a rule that compares them says nothing
 * before each has the type that it is blessed with.
 */
function misfit({ action, args = {} }: DecisionRequest, tool: object | undefined): string | undefined {
  if (action !== 'call' || tool === undefined) return undefined;
  const validator = validatorOf(tool);
  const wrong = validator.misfit(args);
  if (wrong === undefined || !Object.values(args).includes(null)) return wrong;
  // Agents write null for a declared argument that they leave out (SEP-2243), and so rules take it. Anywhere else null is a value.
  const said = Object.entries(args).filter(([key, value]) => value !== null || !validator.mayBeLeftOut(key));
  return validator.misfit(Object.fromEntries(said));
}

/** Whether a rule speaks against it or could not be applied; that no rule permits it is not enough. */
const holdsBack = ({ effect, rule, obligations }: Decision): boolean =>
  effect === 'deny' ? rule !== ownRules.noPermit : effect === 'ask' || obligations.redact.length > 0;

function catalogued({ catalogue }: ServerEntry) {
  return { call: byName(catalogue.tools), get: byName(catalogue.prompts), read: new Set(readable(catalogue)) };
}

/** Of a name that is listed twice the first definition counts. */
const byName = <T extends { name: string }>(all: readonly T[]): ReadonlyMap<string, T> =>
  new Map(all.toReversed().map((definition) => [definition.name, definition]));

/** Things of one server that have the same likeness cannot be told apart by the rules of this slice, so one answer serves them all. */
function likeness(slice: Slice, action: 'call' | 'get' | 'read', server: ServerEntry, name: string): string {
  const { mentions } = slice;
  const usesUri = action === 'read' && ['paths', 'folders', 'within', 'hosts', '*'].some((attribute) => mentions.context.has(attribute));
  if (usesUri || ['=', '*', 'name', 'uri'].some((attribute) => mentions.resource.has(attribute))) return `=${name}`;
  return mentions.resource.size > 0 && action === 'call' ? JSON.stringify(factsOf(server, name)) : '';
}

function remember<V>(cache: Map<string, V>, key: string, value: V): void {
  if (cache.size >= maxLists) cache.clear();
  cache.set(key, value);
}
