import { isObject, lists, maps, single } from './json-schema.ts';

const types = new Set(['string', 'number', 'integer', 'boolean', 'null', 'object', 'array']);
const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isType = (value: unknown): boolean =>
  types.has(value as string) || (Array.isArray(value) && value.length > 0 && value.every((type) => types.has(type)));
const isAnchor = (value: unknown): boolean => isText(value) && /^[a-z_][-a-z0-9._]*$/i.test(value as string);
const isName = (value: unknown): boolean => isText(value) && /^(?:[a-z][a-z0-9+.-]*:)?[\w./-]+$/i.test(value as string);
const isPattern = (value: unknown): boolean => {
  if (typeof value !== 'string') return false;
  try {
    return new RegExp(value, 'u') !== undefined;
  } catch {
    return false;
  }
};
const named = (words: string, right: (value: unknown) => boolean) => words.split(' ').map((name) => [name, right] as const);

/** What a keyword's value has to be. Subschemas are checked separately. */
const values = new Map<string, (value: unknown) => boolean>([
  ...named('type', isType),
  ...named('maximum minimum exclusiveMaximum exclusiveMinimum', isNumber),
  ...named('multipleOf', (value) => isNumber(value) && (value as number) > 0),
  ...named('maxLength minLength maxItems minItems maxProperties minProperties minContains maxContains', isNumber),
  ...named('pattern', isPattern),
  ...named('format $schema $ref $dynamicRef $recursiveRef $comment', isText),
  ...named('uniqueItems nullable', isFlag),
  ...named('required', isTexts),
  ...named('enum', (value) => Array.isArray(value) && value.length > 0),
  ...named('$anchor $dynamicAnchor', isAnchor),
  ...named('dependentRequired', (value) => isObject(value) && Object.values(value).every(isTexts)),
]);

const maxNodes = 5000;
const maxDepth = 64;

/**
 * Why agents cannot compile an `outputSchema`, in words; undefined where they can. Clients of SDK v1 compile those of all tools when they list them,
 * and have no tool at all where one fails; those of v2 refuse to call the tool.
 */
export function unusableSchema(schema: Record<string, unknown>): string | undefined {
  const places = new Set<string>();
  const refs: string[] = [];
  const anchors = new Set<string>();
  let nodes = 0;
  let why: string | undefined;
  const fault = (place: string, text: string) => {
    why ??= `${place === '#' ? 'its root' : place.slice(0, 100)} ${text}`;
  };

  function look(node: unknown, place: string, depth: number): void {
    if (why !== undefined) return;
    if (typeof node === 'boolean') return void places.add(place);
    if (!isObject(node)) return fault(place, 'is no schema');
    if (++nodes > maxNodes || depth > maxDepth) return fault('#', 'is too large or nests too deeply');
    places.add(place);
    if (node['$async'] !== undefined || node['id'] !== undefined) return fault(place, `has the keyword ${node['id'] ? 'id' : '$async'}`);
    // An $id inside changes what references mean, and an anchor under an $id may also be another tool's.
    if (node['$id'] !== undefined && (place !== '#' || !isName(node['$id']))) return fault(place, 'has an $id that is no plain name');
    if (node['nullable'] !== undefined && (node['type'] === undefined || node['nullable'] === false))
      return fault(place, 'has a "nullable" that says nothing');
    for (const [key, member] of Object.entries(node)) {
      if (values.get(key)?.(member) === false) return fault(place, `has a value of "${key}" that means nothing`);
      if (key === '$ref') refs.push(member as string);
      if (key === '$anchor' || key === '$dynamicAnchor') {
        if (anchors.has(member as string)) return fault(place, 'has an anchor that another part has, too');
        if (schema['$id'] !== undefined) return fault(place, 'has an anchor beside an $id');
        anchors.add(member as string);
        places.add(`#${String(member)}`);
      }
      const below = `${place}/${key}`;
      if (lists.has(key) && Array.isArray(member))
        for (const [at, subschema] of member.entries()) look(subschema, `${below}/${at}`, depth + 1);
      else if (single.has(key)) look(member, below, depth + 1);
      else if (lists.has(key)) return fault(place, `has a value of "${key}" that is no list`);
      else if (maps.has(key)) lookIn(key, member, below, depth + 1);
    }
  }
  function lookIn(key: string, map: unknown, place: string, depth: number): void {
    if (!isObject(map)) return fault(place, 'is no map of schemas');
    for (const [name, member] of Object.entries(map)) {
      const below = `${place}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      if (key === 'patternProperties' && !isPattern(name)) return fault(below, 'is no regular expression');
      if (key !== 'dependencies' || !isTexts(member)) look(member, below, depth);
    }
  }

  look(schema, '#', 0);
  const lost = why === undefined ? refs.find((ref) => !places.has(readable(ref))) : undefined;
  return lost === undefined ? why : `it refers to ${JSON.stringify(lost.slice(0, 100))}, where it has no schema`;
}

/** A reference is a URI fragment, so it may be percent-encoded. */
function readable(ref: string): string {
  try {
    return decodeURIComponent(ref);
  } catch {
    return '';
  }
}

/**
 * Revisions before 2026-07-28 allow only objects whose members are described by objects. Their clients refuse the whole list for any other
 * schema.
 */
export function isLegacySchema(schema: unknown): boolean {
  if (!isObject(schema) || schema['type'] !== 'object') return false;
  const { properties, required } = schema;
  return (
    (properties === undefined || (isObject(properties) && Object.values(properties).every(isObject))) &&
    (required === undefined || isTexts(required))
  );
}
