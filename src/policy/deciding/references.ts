import { isObject, lists, maps, type Schema, single } from '../../bundle/json-schema.ts';
import { type Draft, data } from './keywords.ts';

/** A schema inside the schema: its place is a JSON pointer from the root, `''` for the root itself. */
export interface Target {
  place: string;
  value: unknown;
}

export type References = (keyword: string, ref: unknown, place: string, beside: Schema) => Target | string;

export const maxNodes = 20_000;
export const maxDepth = 64;

export const token = (name: string): string => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/**
 * Finds what references mean, without fetching anything: names (`$id`, anchors) are looked up as they are written. Returns the reason as a text
 * where the whole schema is too large.
 */
export function openReferences(schema: Schema, draft: Draft): References | string {
  /** Places where a resource begins. A `#` inside of one refers to it. */
  const resources = new Map<string, unknown>([['', schema]]);
  const ids = new Map<string, string[]>();
  const anchors = new Map<string, Target[]>();
  const dynamic = new Map<string, Target[]>();
  let recursive = false;
  let nodes = 0;
  let large = false;

  const note = <T>(map: Map<string, T[]>, name: string, entry: T): void => {
    const all = map.get(name) ?? [];
    map.set(name, all);
    all.push(entry);
  };

  function index(value: unknown, place: string, resource: string, depth: number): void {
    if (!isObject(value) || large) return;
    large = ++nodes > maxNodes || depth > maxDepth;
    const { $id: id, $anchor: anchor, $dynamicAnchor: dynamicAnchor, $recursiveAnchor: recursiveAnchor } = value;
    let base = resource;
    if (typeof id === 'string') {
      if (draft === 'draft-07' && id.startsWith('#')) note(anchors, `${resource}${id}`, { place, value });
      else {
        base = place;
        resources.set(place, value);
        note(ids, id.replace(/#$/, ''), place);
      }
    }
    if (draft !== 'draft-07') {
      if (typeof anchor === 'string') note(anchors, `${base}#${anchor}`, { place, value });
      if (typeof dynamicAnchor === 'string' && draft === '2020-12') {
        note(anchors, `${base}#${dynamicAnchor}`, { place, value });
        note(dynamic, dynamicAnchor, { place, value });
      }
      recursive ||= recursiveAnchor === true;
    }
    for (const [key, member] of Object.entries(value)) {
      const below = `${place}${token(key)}`;
      if (lists.has(key) && Array.isArray(member))
        for (const [at, subschema] of member.entries()) index(subschema, `${below}/${at}`, base, depth + 1);
      else if (single.has(key)) index(member, below, base, depth + 1);
      else if (maps.has(key) && isObject(member))
        for (const [name, subschema] of Object.entries(member)) index(subschema, `${below}${token(name)}`, base, depth + 1);
    }
  }
  index(schema, '', '', 0);
  if (large) return 'it is too large or nests too deeply';

  const resourceOf = (place: string): string => {
    let at = place;
    while (!resources.has(at)) at = at.slice(0, at.lastIndexOf('/'));
    return at;
  };

  return (keyword, ref, place, beside) => {
    if (typeof ref !== 'string') return 'it is no text';
    const shown = JSON.stringify(ref.slice(0, 100));
    const [name = '', ...rest] = ref.split('#');
    const fragment = readable(rest.join('#'));
    // Before 2019-09 an $id beside a $ref has no effect, but not all readers follow that.
    if (draft === 'draft-07' && beside['$id'] !== undefined && place !== '') return `an $id beside it leaves open what ${shown} means`;
    let resource = resourceOf(place);
    if (name !== '') {
      const places = certain(name) ? (ids.get(name) ?? []) : [];
      if (places.length !== 1) return `${shown} is ${places.length > 1 ? 'the $id of more than one part' : 'outside of the schema'}`;
      resource = places[0]!;
    }
    if (keyword === '$recursiveRef') {
      if (ref !== '#') return `it refers to ${shown}, not to #`;
      if (recursive && resources.size > 1) return 'what it means depends on where it is reached from';
    }
    if (fragment === '' || fragment === '/') return { place: resource, value: resources.get(resource) };
    if (fragment.startsWith('/')) return walk(resources.get(resource), resource, fragment) ?? `${shown} is no schema here`;
    if (keyword === '$dynamicRef' && (dynamic.get(fragment)?.length ?? 0) > 1) return 'what it means depends on where it is reached from';
    const targets = anchors.get(`${resource}#${fragment}`) ?? [];
    return targets.length === 1 ? targets[0]! : `${shown} is ${targets.length > 1 ? 'more than one part' : 'nowhere in the schema'}`;
  };
}

/** What a pointer leads to, if a schema can be there: one in a list of values is no schema. */
function walk(from: unknown, resource: string, pointer: string): Target | undefined {
  let value = from;
  let place = resource;
  let next: 'keyword' | 'member' | 'free' = 'keyword';
  for (const part of pointer.slice(1).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    if (Array.isArray(value) && !/^\d+$/.test(name)) return undefined;
    value = (value as Schema)[name];
    place += token(name);
    if (next === 'keyword') {
      if (data.has(name)) return undefined;
      if (maps.has(name) || (lists.has(name) && Array.isArray(value))) next = 'member';
      else if (!single.has(name)) next = 'free';
    } else if (next === 'member') next = 'keyword';
  }
  return next !== 'member' && (isObject(value) || typeof value === 'boolean') ? { place, value } : undefined;
}

/** A name that means itself wherever it stands: an absolute URI, or one word. */
const certain = (name: string): boolean => /^[a-z][a-z0-9+.-]*:/i.test(name) || /^[\w.~-]+$/.test(name);

/** A reference is a URI fragment, so it may be percent-encoded. */
function readable(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
