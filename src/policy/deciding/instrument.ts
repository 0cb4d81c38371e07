import { isObject, lists, maps, type Schema, single } from '../../bundle/json-schema.ts';

const maxNodes = 20_000;
const maxDepth = 64;

const drafts: Record<string, 'draft-07' | '2020-12'> = {
  'https://json-schema.org/draft/2020-12/schema': '2020-12',
  'http://json-schema.org/draft-07/schema': 'draft-07',
  'http://json-schema.org/draft-06/schema': 'draft-07',
};

/**
 * A copy of a blessed schema in which every subschema counts as a step, so that a check can be stopped: a few lines of `$ref` can ask for more
 * steps than there are seconds. In words why not, where it is no schema of a known draft, reaches outside of itself or is too large.
 */
export function instrument(schema: unknown, keyword: string): { schema: Schema; draft: 'draft-07' | '2020-12' } | string {
  if (!isObject(schema)) return 'it is no object';
  const stated = schema['$schema'];
  const draft = stated === undefined ? '2020-12' : typeof stated === 'string' ? drafts[stated.replace(/#$/, '')] : undefined;
  if (!draft) return 'it is of an unknown draft: 2020-12 and draft-07 are known';
  const refs: string[] = [];
  const places = new Set<string>();
  let nodes = 0;
  let why: string | undefined;

  function copy(value: unknown, place: string, depth: number): unknown {
    if (!isObject(value)) return value;
    if (++nodes > maxNodes || depth > maxDepth) why = 'it is too large or nests too deeply';
    if (why !== undefined) return true;
    places.add(place);
    const out: Schema = {};
    for (const [key, member] of Object.entries(value)) {
      if (key === '__proto__') why = 'it speaks of a member __proto__';
      else if (key === '$schema') continue;
      else if (key === '$id' || key === 'id') {
        // A name of its own would change what its references mean; only a fragment is a place inside.
        if (key === '$id' && typeof member === 'string' && place !== '#') why = 'a part of it has an $id of its own';
      } else if (key === '$ref' || key === '$dynamicRef' || key === '$recursiveRef') {
        if (typeof member !== 'string' || !member.startsWith('#'))
          why = `it refers to ${JSON.stringify(member)?.slice(0, 100)}, outside of itself`;
        else refs.push(member);
        out[key] = member;
      } else if (key === '$anchor' || key === '$dynamicAnchor') {
        places.add(`#${String(member)}`);
        out[key] = member;
      } else if (key === '$async' || key === keyword) why = `it has the keyword ${key}`;
      else if (lists.has(key) && Array.isArray(member)) out[key] = member.map((one, at) => copy(one, `${place}/${key}/${at}`, depth + 1));
      else if (single.has(key)) out[key] = copy(member, `${place}/${key}`, depth + 1);
      else if (maps.has(key) && isObject(member)) out[key] = copyMap(member, `${place}/${key}`, depth + 1);
      else out[key] = member;
    }
    out[keyword] = true;
    return out;
  }
  function copyMap(map: Schema, place: string, depth: number): Schema {
    const out: Schema = {};
    for (const [name, member] of Object.entries(map)) {
      if (name === '__proto__') why = 'it speaks of a member __proto__';
      else out[name] = copy(member, `${place}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth);
    }
    return out;
  }

  const made = copy(schema, '#', 0) as Schema;
  if (why === undefined) {
    const lost = refs.find((ref) => !places.has(ref === '#/' ? ref : readable(ref)));
    if (lost !== undefined) why = `it refers to ${JSON.stringify(lost.slice(0, 100))}, where it has no schema`;
  }
  return why ?? { schema: made, draft };
}

/** A reference is a URI fragment, so it may be percent-encoded. */
function readable(ref: string): string {
  try {
    return decodeURIComponent(ref);
  } catch {
    return ref;
  }
}
