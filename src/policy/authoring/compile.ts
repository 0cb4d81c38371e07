import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import type { CompiledPolicy } from '../../bundle/schema.ts';
import { loadCedar } from '../deciding/cedar.ts';
import { principalMatches } from '../deciding/scope.ts';
import { checkAnnotations, checkArguments, checkNames, type Finding } from './check.ts';
import { checkHosts } from './host-literals.ts';
import { type Knowledge, openScopeArguments } from './knowledge.ts';
import { bringPaths } from './path-rules.ts';
import { characterOffset, positions, type Segment, splitPolicies } from './source.ts';
import { validatePolicies } from './validate.ts';

/** What is wrong with a policy, where, and what to do. A `warning` may be published, an `error` never. */
export interface PolicyProblem {
  file: string;
  line: number;
  column?: number;
  severity: 'error' | 'warning';
  message: string;
  fix: string;
}

interface Source {
  file: string;
  text: string;
  position: ReturnType<typeof positions>;
}

interface Parsed {
  source: Source;
  segment: Segment;
  json: PolicyJson;
  policy: CompiledPolicy;
}

/**
 * Compiles Cedar text to what bundles carry, and finds what is wrong with it before anyone is refused or let in by mistake.
 * A policy with an error is left out of `policies`; nothing may be published while there is one.
 */
export function compilePolicies(
  files: readonly { file: string; text: string }[],
  knowledge: Knowledge,
): { policies: CompiledPolicy[]; problems: PolicyProblem[] } {
  const problems: PolicyProblem[] = [];
  const parsed: Parsed[] = [];
  const ids = new Map<string, Parsed>();
  for (const { file, text } of files) {
    const source: Source = { file, text, position: positions(text) };
    for (const [at, segment] of splitPolicies(source.text).entries()) {
      const json = parse(source, segment, problems);
      if (!json) continue;
      const entry: Parsed = { source, segment, json, policy: compiled(source, segment, at + 1, json) };
      const other = ids.get(entry.policy.id);
      if (other) {
        const where = `${other.source.file}:${other.policy.source.line}`;
        problems.push(
          problem(entry, {
            severity: 'error',
            message: `@id("${entry.policy.id}") is already used at ${where}`,
            fix: 'give this policy an @id of its own',
            near: '@id',
          }),
        );
        continue;
      }
      ids.set(entry.policy.id, entry);
      parsed.push(entry);
      const brought = bringPaths(json);
      entry.policy.json = { ...brought.json };
      if (nesting(brought.json) > deepest) brought.findings.push({ severity: 'error', ...tooDeep });
      problems.push(...brought.findings.map((finding) => problem(entry, finding)));
    }
  }

  const scopeArguments = openScopeArguments(knowledge);
  const noted = new Set<Parsed>();
  for (const entry of parsed) {
    const { json, policy } = entry;
    const named = [...checkNames(json, knowledge), ...checkArguments(json, scopeArguments(json))];
    if (named.length > 0) noted.add(entry);
    problems.push(
      ...[...checkAnnotations(json, policy.annotations), ...checkHosts(json), ...named].map((finding) => problem(entry, finding)),
    );
  }
  const sources = parsed.map(({ segment, json }) => ({ text: segment.text, json }));
  for (const { at, severity, message, help, offset } of validatePolicies(sources, knowledge)) {
    const entry = parsed[at]!;
    const start = entry.segment.start + (offset === undefined ? 0 : characterOffset(entry.segment.text, offset));
    const place = entry.source.position(start);
    // That a policy does nothing follows from a name that is wrong, which is already reported.
    if (noted.has(entry) && (severity === 'warning' || message.startsWith('unrecognized action'))) continue;
    const fix =
      help ?? (severity === 'warning' ? 'check the scope and the conditions: as it stands the policy does nothing' : 'correct the policy');
    problems.push({ file: entry.source.file, ...place, severity, message, fix });
  }

  const wrong = (entry: Parsed): boolean => {
    const last = entry.source.position(entry.segment.start + entry.segment.text.length).line;
    return problems.some(
      (each) => isError(each) && each.file === entry.source.file && each.line >= entry.policy.source.line && each.line <= last,
    );
  };
  const order = new Map(files.map(({ file }, at) => [file, at]));
  problems.sort((a, b) => order.get(a.file)! - order.get(b.file)! || a.line - b.line || (a.column ?? 0) - (b.column ?? 0));
  return { policies: parsed.filter((entry) => !wrong(entry)).map((entry) => entry.policy), problems };
}

/** The policies that can apply to someone who is in exactly these groups. Those for one named person stay, since the person is not known here. */
export function audiencePolicies(policies: readonly CompiledPolicy[], groups: readonly string[]): CompiledPolicy[] {
  const mine = new Set(groups);
  return policies.filter((policy) => principalMatches((policy.json as unknown as PolicyJson).principal, undefined, mine));
}

const isError = (problem: PolicyProblem): boolean => problem.severity === 'error';

function parse(source: Source, segment: Segment, problems: PolicyProblem[]): PolicyJson | undefined {
  const cedar = loadCedar();
  const fail = (message: string, fix: string, offset = 0): undefined => {
    problems.push({ file: source.file, ...source.position(segment.start + offset), severity: 'error', message, fix });
  };
  const tangle = tangleOf(segment.code);
  if (tangle !== undefined) return fail(tangle, 'write it as several policies, or a long chain of "||" as [...].contains(...)');
  const parts = cedar.policySetTextToParts(segment.text);
  if (parts.type === 'failure') {
    const [error] = parts.errors;
    const place = error?.sourceLocations?.[0];
    const fix = error?.help ?? place?.label ?? 'correct the policy';
    return fail(error?.message ?? 'the policy cannot be read', fix, place ? characterOffset(segment.text, place.start) : 0);
  }
  if (parts.policy_templates.length > 0) {
    return fail(
      'templates (?principal, ?resource) are not supported',
      'write a policy for each, or for a group',
      Math.max(0, segment.code.search(/\?(principal|resource)/)),
    );
  }
  const answer = cedar.policyToJson(segment.text);
  // INVARIANT: one segment is one policy; Cedar's own count decides, not our cutting.
  if (answer.type === 'failure' || parts.policies.length !== 1) return fail('the policy cannot be read', 'end each policy with ";"');
  if (nesting(answer.json) > deepest) return fail(tooDeep.message, tooDeep.fix);
  return answer.json;
}

/**
 * Why the engine must not even be given a text. It recurses as deep as the text nests, and a stack overflow ends the engine for everybody in this
 * process. Brackets and `if` nest by themselves; a chain of operators is a tree that is as deep as the chain is long.
 */
function tangleOf(code: string): string | undefined {
  let depth = 0;
  let ifs = 0;
  let links = 0;
  for (const [token] of code.matchAll(/"(?:[^"\\]|\\[\s\S])*"?|[()[\]{}]|\bif\b|&&|\|\||[-+*.!]/g)) {
    if (token.startsWith('"')) continue;
    if ('([{'.includes(token)) depth++;
    else if (')]}'.includes(token)) depth--;
    else if (token === 'if') ifs++;
    else links++;
    if (token === '[') links++;
    if (depth + ifs > 60) return 'its brackets and "if" nest too deeply to be read';
    if (links > 500) return 'it has more operators than one policy may have';
  }
  return undefined;
}

/** Bundles carry JSON, of which Cedar reads 127 levels; some of them are ours (part.ts). Of its own text it would read more. */
const deepest = 112;
const tooDeep = {
  message: 'its conditions nest too deeply to be applied',
  fix: 'write a long chain of "||" as [...].contains(...), or as several policies',
};
const nesting = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? 1 + Object.values(value).reduce<number>((most, member) => Math.max(most, nesting(member)), 0)
    : 0;

function compiled(source: Source, segment: Segment, number: number, json: PolicyJson): CompiledPolicy {
  const annotations = Object.fromEntries(Object.entries(json.annotations ?? {}).map(([name, value]) => [name, value ?? '']));
  return {
    id: annotations['id'] || `${source.file}#${number}`,
    effect: json.effect,
    ...(annotations['reason'] ? { reason: annotations['reason'] } : {}),
    annotations,
    source: { file: source.file, line: source.position(segment.start).line },
    json: { ...json },
  };
}

function problem({ source, segment }: Parsed, { near, ...finding }: Finding): PolicyProblem {
  const at = near === undefined ? 0 : typeof near === 'string' ? segment.code.indexOf(near) : segment.code.search(near);
  return { file: source.file, ...source.position(segment.start + Math.max(0, at)), ...finding };
}
