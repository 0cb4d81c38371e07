import { isObject, type Schema } from '../../bundle/json-schema.ts';

/** What references of a schema can lead to, by how they name it. */
interface Places {
  /** Schemas with an `$id`, and the root: a pointer begins at one of them. */
  resources: Schema[];
  ids: Map<string, Schema[]>;
  anchors: Map<string, Schema[]>;
}

const places = new WeakMap<Schema, Places>();

/**
 * All that a `$ref`, `$dynamicRef` or `$recursiveRef` in a schema may mean, of whatever draft. It finds too much rather than too little: which base holds
 * at a place is not asked, so each part of that name counts.
 */
export function referredBy(ref: unknown, root: Schema): Schema[] {
  if (typeof ref !== 'string') return [];
  const known = places.get(root) ?? placesIn(root);
  places.set(root, known);
  const hash = ref.indexOf('#');
  const base = hash < 0 ? ref : ref.slice(0, hash);
  const fragment = hash < 0 ? '' : decoded(ref.slice(hash + 1));
  const resources = base === '' ? known.resources : (known.ids.get(base) ?? known.resources);
  if (fragment === '') return resources;
  if (!fragment.startsWith('/')) return known.anchors.get(fragment) ?? [];
  return resources.map((resource) => pointed(resource, fragment)).filter(isObject);
}

function placesIn(root: Schema): Places {
  const all: Places = { resources: [root], ids: new Map(), anchors: new Map() };
  const note = (map: Map<string, Schema[]>, name: string, schema: Schema) => map.set(name, [...(map.get(name) ?? []), schema]);
  const rest: unknown[] = [root];
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    if (Array.isArray(value)) rest.push(...value);
    if (!isObject(value)) continue;
    const { $id: id, $anchor: anchor, $dynamicAnchor: dynamicAnchor } = value;
    if (typeof id === 'string') {
      const hash = id.indexOf('#');
      // Of draft-07: an $id that is a fragment is an anchor.
      if (hash >= 0 && hash < id.length - 1) note(all.anchors, id.slice(hash + 1), value);
      else {
        note(all.ids, hash < 0 ? id : id.slice(0, hash), value);
        all.resources.push(value);
      }
    }
    if (typeof anchor === 'string') note(all.anchors, anchor, value);
    if (typeof dynamicAnchor === 'string') note(all.anchors, dynamicAnchor, value);
    rest.push(...Object.values(value));
  }
  return all;
}

/** RFC 6901. */
function pointed(from: Schema, pointer: string): unknown {
  let at: unknown = from;
  for (const part of pointer.slice(1).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    at = typeof at === 'object' && at !== null && Object.hasOwn(at, name) ? (at as Schema)[name] : undefined;
  }
  return at;
}

/** A fragment may be percent-encoded. */
function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
