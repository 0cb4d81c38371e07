import { isObject, type Schema } from '../../bundle/json-schema.ts';
import { assertions, type Draft, draftOf, isNames, isOf } from './keywords.ts';
import { maxDepth, maxNodes, openReferences, type Target, token } from './references.ts';

/** A schema that says the same in keywords of 2020-12 and without names, and what it leaves out of the original. */
export interface Instrumented {
  schema: Schema;
  /** Place and reason of each keyword that cannot be used: without it more fits, never less. */
  dropped: string[];
}

/** The copy of one part. */
interface Made {
  out: unknown;
  /**
   * It may accept more than it should. Where that would make the whole accept less (below `not`, say), the keyword around it cannot be used
   * either.
   */
  loose: boolean;
  /** Members that it should have evaluated may count as unevaluated, which `unevaluatedProperties` would refuse. */
  blind: boolean;
}

/** Passes over the schema until nothing more is found that depends on what was dropped. */
const maxPasses = 24;

/**
 * A copy of a blessed schema in which every subschema counts as a step, so that a check can be stopped: a few lines of `$ref` can ask for more
 * steps than there are seconds. Returns the reason as a text where it is no schema of a known draft or is too large.
 */
export function instrument(schema: unknown, keyword: string, misread: (pattern: string) => string | undefined): Instrumented | string {
  if (!isObject(schema)) return 'it is no object';
  const draft = draftOf(schema);
  if (!draft) return 'it is of an unknown draft: 2020-12, 2019-09, draft-07 and draft-06 are known';
  const find = openReferences(schema, draft);
  if (typeof find === 'string') return find;
  const loose = new Set<string>();
  const blind = new Set<string>();
  for (let pass = 0; pass < maxPasses; pass++) {
    const before = loose.size + blind.size;
    const made = copyAll(schema, { draft, find, keyword, misread, loose, blind });
    if (typeof made === 'string' || loose.size + blind.size === before) return made;
  }
  return 'too much in it hangs on what cannot be used';
}

interface Given {
  draft: Draft;
  find: Exclude<ReturnType<typeof openReferences>, string>;
  keyword: string;
  misread: (pattern: string) => string | undefined;
  /** Places that references lead to, as the passes before found them. */
  loose: Set<string>;
  blind: Set<string>;
}

function copyAll(schema: Schema, { draft, find, keyword, misread, loose, blind }: Given): Instrumented | string {
  const dropped = new Map<string, string>();
  /** The target of each reference stands once in `$defs`, under a number: no names, bases or pointers are left. */
  const targets: Target[] = [];
  const numbers = new Map<string, number>();
  let nodes = 0;
  let large = false;

  function refer(target: Target): string {
    if (!numbers.has(target.place)) numbers.set(target.place, targets.push(target) - 1);
    return `#/$defs/${numbers.get(target.place)}`;
  }

  function copy(value: unknown, place: string, depth: number): Made {
    const made: Made = { out: true, loose: false, blind: false };
    if (typeof value === 'boolean') return { ...made, out: value };
    large ||= ++nodes > maxNodes || depth > maxDepth;
    if (large) return made;
    const drop = (key: string, why: string, looks = false): void => {
      dropped.set(`#${place}${key}`, why);
      made.loose = true;
      made.blind ||= looks;
    };
    if (!isObject(value) || (place !== '' && value['$schema'] !== undefined && draftOf(value) !== draft)) {
      drop('', isObject(value) ? 'it is of another draft' : 'it is no schema', true);
      return made;
    }
    const out: Schema = {};
    const beside: unknown[] = [];
    const has = (key: string): boolean => Object.hasOwn(value, key) && isOf(draft, key);
    const below = (member: unknown, at: string, inPlace: boolean): Made => {
      const part = copy(member, place + at, depth + 1);
      made.loose ||= part.loose;
      made.blind ||= inPlace && part.blind;
      return part;
    };
    const listed = (key: string, inPlace: boolean): Made[] | undefined => {
      const all = value[key];
      if (Array.isArray(all) && all.length > 0) return all.map((member, at) => below(member, `/${key}/${at}`, inPlace));
      drop(`/${key}`, 'it is no list of schemas', true);
      return undefined;
    };
    const mapped = (key: string, inPlace: boolean, take: (name: string, member: unknown) => unknown = () => undefined): boolean => {
      const map = value[key];
      if (!isObject(map)) {
        drop(`/${key}`, 'it is no object', true);
        return false;
      }
      const outs: Schema = {};
      for (const [name, member] of Object.entries(map)) {
        const at = `/${key}${token(name)}`;
        // Not even an argument of this name is let through where others are not.
        if (name === '__proto__') drop(at, 'no argument can have this name');
        else {
          const taken = take(name, member);
          if (taken !== false) outs[name] = taken ?? below(member, at, inPlace).out;
        }
      }
      out[key] = outs;
      return true;
    };

    for (const [key, member] of Object.entries(value)) {
      const isAssertion = Object.hasOwn(assertions, key);
      if (!isOf(draft, key)) drop(`/${key}`, `it is no keyword of ${draft}`, !isAssertion);
      else if (isAssertion && !assertions[key]!(member)) drop(`/${key}`, 'it has no such value');
      else if (isAssertion) out[key] = key === 'required' ? [...new Set(member as string[])] : member;
    }
    // OpenAPI's word for a type or null.
    if (value['nullable'] === true && out['type'] !== undefined) out['nullable'] = true;
    if (has('pattern')) {
      const why = typeof value['pattern'] === 'string' ? misread(value['pattern']) : 'it is no text';
      if (why === undefined) out['pattern'] = value['pattern'];
      else drop('/pattern', why);
    }
    for (const key of ['$ref', '$dynamicRef', '$recursiveRef'].filter(has)) {
      const target = find(key, value[key], place, value);
      if (typeof target === 'string') drop(`/${key}`, target, true);
      else {
        made.loose ||= loose.has(target.place);
        made.blind ||= blind.has(target.place);
        beside.push({ $ref: refer(target) });
      }
    }
    for (const key of ['allOf', 'anyOf'].filter(has)) out[key] = listed(key, true)?.map((part) => part.out);
    if (has('oneOf')) {
      const all = listed('oneOf', true);
      // Where one accepts too much, more than one may fit. That at least one does still holds.
      if (all?.some((part) => part.loose)) beside.push({ anyOf: all.map((part) => part.out) });
      else if (all) out['oneOf'] = all.map((part) => part.out);
    }
    if (has('not')) {
      const negated = copy(value['not'], `${place}/not`, depth + 1);
      if (negated.loose) drop('/not', 'it hangs on what cannot be used');
      else out['not'] = negated.out;
    }
    if (has('if')) {
      const condition = copy(value['if'], `${place}/if`, depth + 1);
      made.blind ||= condition.blind;
      if (condition.loose) drop('/if', 'it hangs on what cannot be used', true);
      else {
        out['if'] = condition.out;
        for (const key of ['then', 'else'].filter(has)) out[key] = below(value[key], `/${key}`, true).out;
      }
    }
    if (has('dependentSchemas')) mapped('dependentSchemas', true);
    if (has('dependencies')) mapped('dependencies', true, (_name, member) => (isNames(member) ? member : undefined));
    objects(value, has);
    arrays(value, has);
    for (const key of ['unevaluatedProperties', 'unevaluatedItems'].filter(has)) {
      if (made.blind) drop(`/${key}`, 'it hangs on what cannot be used', true);
      else out[key] = below(value[key], `/${key}`, false).out;
    }
    if (beside.length > 0) out['allOf'] = [...((out['allOf'] as unknown[] | undefined) ?? []), ...beside];
    for (const key of Object.keys(out)) if (out[key] === undefined) delete out[key];
    out[keyword] = true;
    made.out = out;
    return made;

    function objects(source: Schema, has: (key: string) => boolean): void {
      let whole = true;
      if (has('properties')) whole = mapped('properties', false);
      if (has('patternProperties')) {
        const all = mapped('patternProperties', false, (pattern) => {
          const why = misread(pattern);
          if (why === undefined) return undefined;
          drop(`/patternProperties${token(pattern)}`, why, true);
          whole = false;
          return false;
        });
        whole &&= all;
      }
      if (has('propertyNames')) out['propertyNames'] = below(source['propertyNames'], '/propertyNames', false).out;
      if (!has('additionalProperties')) return;
      if (whole || source['additionalProperties'] === true)
        out['additionalProperties'] = below(source['additionalProperties'], '/additionalProperties', false).out;
      else drop('/additionalProperties', 'it hangs on what cannot be used', true);
    }

    /** A list of `items` was the word for `prefixItems` before 2020-12, and has no other meaning since. */
    function arrays(source: Schema, has: (key: string) => boolean): void {
      const tuple = Array.isArray(source['items']) ? 'items' : 'prefixItems';
      const rest = tuple === 'items' ? 'additionalItems' : 'items';
      if (tuple === 'items' && has('prefixItems')) drop('/items', 'it is a list beside prefixItems', true);
      else {
        const first = has(tuple) ? listed(tuple, false) : undefined;
        if (first) out['prefixItems'] = first.map((part) => part.out);
        if (has(rest) && (first || !has(tuple))) {
          if (tuple !== 'items' || first) out['items'] = below(source[rest], `/${rest}`, false).out;
        } else if (has(rest)) drop(`/${rest}`, 'it hangs on what cannot be used', true);
      }
      if (!has('contains')) return;
      const counts = ['minContains', 'maxContains'].filter(has);
      const odd = counts.find((key) => !Number.isInteger(source[key]) || (source[key] as number) < 0);
      if (odd !== undefined) return void drop('/contains', `${odd} has no such value`, true);
      const contained = below(source['contains'], '/contains', false);
      out['contains'] = contained.out;
      for (const key of counts) {
        if (key === 'maxContains' && contained.loose) drop('/maxContains', 'it hangs on what cannot be used');
        else out[key] = source[key];
      }
    }
  }

  const root = copy(schema, '', 0);
  const defs: Schema = {};
  for (let at = 0; at < targets.length && !large; at++) {
    const { place, value } = targets[at]!;
    const part = place === '' ? root : copy(value, place, 0);
    if (part.loose) loose.add(place);
    if (part.blind) blind.add(place);
    defs[at] = part.out;
  }
  if (large) return 'it is too large or nests too deeply';
  const top = numbers.has('') ? { $ref: refer({ place: '', value: schema }) } : (root.out as Schema);
  return {
    schema: targets.length > 0 ? { ...top, $defs: defs } : top,
    dropped: [...dropped].map(([at, why]) => `${at} (${why})`),
  };
}
