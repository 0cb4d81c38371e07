import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { Failure } from '../../base/errors.ts';
import type { CompiledPolicy } from '../../bundle/schema.ts';
import { depends, fromArguments, fromReading, type Mentions, mayHold, mentionsOf, mergeMentions, untilCalled } from './condition.ts';
import { openConditions } from './conditions.ts';
import { type Expected, expectedTypes } from './expected.ts';
import { argumentsNamed, type Names, namesOf } from './namesakes.ts';
import { readObligations } from './obligations.ts';
import { makePart, type Part } from './part.ts';
import type { Rule } from './rule.ts';
import { type Action, named, principalMatches, resourceMatches, resourceType, serverMatches } from './scope.ts';

/** The rules whose scope can match one question. Equal sets of rules are one slice; equal conditions share one parsed set. */
export interface Slice {
  key: string;
  rules: readonly Rule[];
  permits: boolean;
  mentions: Mentions;
  /** Groups of the person that can matter here; sending only these is what keeps a decision quick. */
  groups: readonly string[];
  /** The rules without conditions: their scope is all there is to know. */
  always: readonly Rule[];
  /** The rules whose answer depends only on target, agent and freshness: not on what the call carries, nor on the clock. */
  settled: Part | undefined;
  /** What has to be asked of each call: rules that look at what it carries, or at the clock. */
  open: Part | undefined;
  /** Of all rules that look at arguments. */
  expected: readonly (Expected & { rule: Rule })[];
  /** The arguments that any of the rules names. */
  names: Names;
  /** A forbid that cannot be judged without the arguments. */
  conditionalForbid: boolean;
  /** The slice that lists ask: permits that may still hold, and no forbid that depends on what is still unknown. */
  listed: Slice;
}

export interface Slices {
  readonly rules: readonly Rule[];
  find(action: Action, server: string, name: string): Slice;
}

/** Parses nothing: policies in a bundle were parsed and checked when it was published. `prefix` keeps keys of different bundles apart. */
export function openSlices(policies: readonly CompiledPolicy[], person: string, groups: readonly string[], prefix: string): Slices {
  const mine = new Set(groups);
  const conditionsOf = openConditions(groups);
  const rules = policies
    .map((policy, index) => readRule(policy, index))
    .filter((rule) => principalMatches(rule.json.principal, person, mine))
    .map((rule) => ({ ...rule, conditions: conditionsOf(rule.json, rule.mentions) }));
  const made = new Map<string, Slice>();
  const servers = new Map<string, { general: Slice; special: Map<string, Slice> }>();

  const make = (action: Action, some: readonly Rule[], listed: boolean): Slice => {
    const key = `${prefix}:${action === 'read' ? 'r' : 'c'}${listed ? 'l' : ''}:${some.map((rule) => rule.index).join()}`;
    const existing = made.get(key);
    if (existing) return existing;
    const unknown = action === 'read' ? fromReading : fromArguments;
    const forbids = some.filter((rule) => rule.policy.effect === 'forbid');
    const mentions = mergeMentions(some.map((rule) => rule.mentions));
    const asked = some.filter((rule) => rule.json.conditions.length > 0);
    const isOpen = (rule: Rule) => depends(rule.mentions, untilCalled);
    const slice: Slice = {
      key,
      rules: some,
      permits: some.length > forbids.length,
      mentions,
      groups: mentions.everyGroup ? groups : groups.filter((group) => mentions.groups.has(group)),
      always: some.filter((rule) => rule.json.conditions.length === 0),
      settled: makePart(
        asked.filter((rule) => !isOpen(rule)),
        groups,
        prefix,
      ),
      open: makePart(asked.filter(isOpen), groups, prefix),
      expected: asked.filter(isOpen).flatMap((rule) => rule.expected.map((comparison) => ({ ...comparison, rule }))),
      names: namesOf(asked.filter(isOpen).flatMap((rule) => argumentsNamed(rule.json))),
      conditionalForbid: forbids.some((rule) => depends(rule.mentions, unknown)),
      get listed() {
        return listed ? slice : make(action, assumeRules(some, unknown, conditionsOf), true);
      },
    };
    made.set(key, slice);
    return slice;
  };

  const ofServer = (action: Action, server: string) => {
    const key = `${action} ${server}`;
    const existing = servers.get(key);
    if (existing) return existing;
    const some = rules.filter((rule) => serverMatches(rule.json, action, server));
    const isSpecial = (rule: Rule) => action !== 'discover' && named(rule.json.resource)?.type === resourceType[action];
    const general = some.filter((rule) => !isSpecial(rule));
    const special = new Map<string, Slice>();
    for (const id of new Set(some.filter(isSpecial).map((rule) => named(rule.json.resource)!.id))) {
      const entity = { type: resourceType[action], id };
      special.set(
        id,
        make(
          action,
          some.filter((rule) => resourceMatches(rule.json.resource, entity, server)),
          false,
        ),
      );
    }
    const entry = { general: make(action, general, false), special };
    servers.set(key, entry);
    return entry;
  };

  return {
    rules,
    find(action, server, name) {
      const { general, special } = ofServer(action, server);
      return special.get(`${server}/${name}`) ?? general;
    },
  };
}

/** The same rules, to be asked even where none of them permits: for what they forbid. */
export const inFull = (slice: Slice): Slice =>
  slice.permits || slice.rules.length === 0 ? slice : { ...slice, permits: true, listed: { ...slice.listed, permits: true } };

function readRule(policy: CompiledPolicy, index: number): Omit<Rule, 'conditions'> {
  const json = policy.json as unknown as PolicyJson;
  const { obligations, mistakes } = readObligations(policy.annotations);
  let mentions: Mentions;
  let expected: Expected[];
  try {
    mentions = mentionsOf(json);
    expected = expectedTypes(json);
    // Cedar goes by one of them and we by the other, so they must agree.
    if (json.effect !== policy.effect) throw new Error('It says both permit and forbid.');
  } catch (cause) {
    throw new Failure('integrity', `Rule ${policy.id} of the company policy cannot be read.`, 'Publish the policy again.', { cause });
  }
  return {
    index,
    policy,
    json,
    mentions,
    expected,
    obligations,
    broken: mistakes.length > 0 && policy.effect === 'permit',
    assumed: false,
  };
}

function assumeRules(rules: readonly Rule[], unknown: ReadonlySet<string>, conditionsOf: ReturnType<typeof openConditions>): Rule[] {
  return rules.flatMap((rule) => {
    if (!depends(rule.mentions, unknown)) return [rule];
    if (rule.policy.effect === 'forbid') return [];
    const json: PolicyJson = { ...rule.json, conditions: mayHold(rule.json.conditions, unknown) };
    const mentions = mentionsOf(json);
    return [{ ...rule, json, mentions, conditions: conditionsOf(json, mentions), assumed: true }];
  });
}
