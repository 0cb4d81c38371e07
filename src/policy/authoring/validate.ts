import type { DetailedError, PolicyJson } from '@cedar-policy/cedar-wasm/web';
import type { RecordType } from '../deciding/arguments.ts';
import { loadCedar } from '../deciding/cedar.ts';
import { membersOf, mentionsOf } from '../deciding/condition.ts';
import { abstracted, leavesSchema } from './abstract.ts';
import { type Knowledge, openScopeArguments } from './knowledge.ts';
import { schemaText } from './schema.ts';

export interface Unchecked {
  text: string;
  json: PolicyJson;
}

/** What Cedar's validator has against a policy; `offset` in bytes of its text. */
export interface Objection {
  at: number;
  severity: 'error' | 'warning';
  message: string;
  help: string | undefined;
  offset: number | undefined;
}

/** Type-checks policies, each against a schema with the arguments of what its scope can match; those with equal schemas together. */
export function validatePolicies(policies: readonly Unchecked[], knowledge: Knowledge): Objection[] {
  const scopeArguments = openScopeArguments(knowledge);
  const bySchema = new Map<string, { at: number; types: RecordType[] }[]>();
  for (const [at, { json }] of policies.entries()) {
    const wanted = membersOf(mentionsOf(json), 'args');
    const { call, get } = scopeArguments(json);
    // An open record is given what the policy asks of it, an untouched one is not worth a schema of its own.
    const types = [call, get].map((type) => (wanted?.size === 0 ? { ...type, members: new Map(), open: true } : opened(type, wanted)));
    const schema = schemaText(types[0]!, types[1]!);
    const group = bySchema.get(schema) ?? [];
    group.push({ at, types });
    bySchema.set(schema, group);
  }
  return [...bySchema].flatMap(([schema, group]) => validateGroup(schema, group, policies));
}

function opened(type: RecordType, wanted: ReadonlySet<string> = new Set()): RecordType {
  if (!type.open) return type;
  const members = new Map(type.members);
  for (const name of wanted) if (!members.has(name)) members.set(name, { kind: 'any' });
  return { ...type, members };
}

function validateGroup(schema: string, group: readonly { at: number; types: RecordType[] }[], policies: readonly Unchecked[]): Objection[] {
  const texts = Object.fromEntries(group.map(({ at }) => [String(at), policies[at]!.text]));
  const first = ask(schema, texts);
  const loose = group.filter(({ at, types }) => first.some((objection) => objection.at === at) && leavesSchema(policies[at]!.json, types));
  if (loose.length === 0) return first;
  const second = ask(schema, Object.fromEntries(loose.map(({ at, types }) => [String(at), abstracted(policies[at]!.json, types)])));
  const isLoose = new Set(loose.map(({ at }) => at));
  // The first pass knows the places, the second which objections stand.
  return first.filter(
    (objection) =>
      !isLoose.has(objection.at) ||
      (objection.severity === 'error' && second.some((other) => other.at === objection.at && other.message === objection.message)),
  );
}

function ask(schema: string, staticPolicies: Record<string, string | PolicyJson>): Objection[] {
  const answer = loadCedar().validate({ schema, policies: { staticPolicies }, validationSettings: { mode: 'strict' } });
  // A catalogue that makes no schema must not stop a policy from being published; it was parsed and its names are checked all the same.
  if (answer.type === 'failure') return [];
  const objections = [
    ...answer.validationErrors.map(({ policyId, error }) => objection(policyId, 'error', error)),
    ...answer.validationWarnings.map(({ policyId, error }) => objection(policyId, 'warning', error)),
  ];
  // One per place and message: Cedar repeats itself for every action that a policy covers.
  const seen = new Map(objections.map((objection) => [`${objection.at} ${objection.offset} ${objection.message}`, objection]));
  return [...seen.values()];
}

const objection = (id: string, severity: 'error' | 'warning', error: DetailedError): Objection => ({
  at: Number(id),
  severity,
  message: error.message.replace(/^for policy `[^`]*`, /, ''),
  help: error.help?.replace(/^for policy `[^`]*`, /, ''),
  offset: error.sourceLocations?.[0]?.start,
});
