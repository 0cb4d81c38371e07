import type { Clause, Expr, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { type Mentions, mentionsOf, variable } from './condition.ts';

/** The conditions of a rule, without its scope. Rules with equal conditions share one of these. */
export interface Conditions {
  number: number;
  clauses: readonly Clause[];
  mentions: Mentions;
  /** The same with `principal.groups` written out, where they use it. */
  writtenOut: { clauses: readonly Clause[]; mentions: Mentions } | undefined;
  /** They can become part of a longer condition: they are few and leave room, as the engine reads about 120 levels. */
  joinable: boolean;
}

const maxDepth = 60;
const maxClauses = 8;

/** Gives equal conditions one number. The groups are those of the person about whom all these rules are asked. */
export function openConditions(groups: readonly string[]): (json: PolicyJson, mentions: Mentions) => Conditions {
  const byText = new Map<string, Conditions>();
  const set: Expr = { Set: groups.map((group): Expr => ({ Value: group.toWellFormed() })) };
  return (json, mentions) => {
    const text = JSON.stringify(json.conditions);
    const existing = byText.get(text);
    if (existing) return existing;
    const made: Conditions = {
      number: byText.size,
      clauses: json.conditions,
      mentions,
      writtenOut: undefined,
      joinable: json.conditions.length <= maxClauses && json.conditions.every(isClause) && fits(json.conditions, maxDepth),
    };
    if (mentions.principal && text.includes('"attr":"groups"')) {
      const conditions = json.conditions.map((clause) => ({ ...clause, body: writeOut(clause.body, set) as Expr }));
      made.writtenOut = { clauses: conditions, mentions: mentionsOf({ ...json, conditions }) };
    }
    byText.set(text, made);
    return made;
  };
}

function writeOut(json: unknown, groups: Expr): unknown {
  if (typeof json !== 'object' || json === null || 'Value' in json) return json;
  if (Array.isArray(json)) return json.map((part) => writeOut(part, groups));
  const access = (json as { '.'?: { left?: Expr; attr?: string } })['.'];
  if (access?.attr === 'groups' && access.left && variable(access.left) === 'principal') return groups;
  return Object.fromEntries(Object.entries(json).map(([name, part]) => [name, writeOut(part, groups)]));
}

/** A clause of another kind is left for the engine to refuse. */
const isClause = ({ kind }: Clause): boolean => kind === 'when' || kind === 'unless';

const fits = (json: unknown, room: number): boolean =>
  typeof json !== 'object' || json === null || (room > 0 && Object.values(json).every((part) => fits(part, room - 1)));
