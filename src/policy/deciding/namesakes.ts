import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import { fold, isAscii } from '../../base/fold.ts';
import type { ServerEntry, ToolFacts } from '../../bundle/schema.ts';
import { contextPath, hasPath, operands } from './condition.ts';
import { referredBy } from './referred.ts';

/**
 * Servers in some languages read an argument `Project` as `project`, which must not get around a rule on `project`. A name that differs from a
 * known one in case only is refused; the known ones are those of the blessed schema and of the rules.
 */
export interface Names {
  members: Map<string, Names>;
  /** For members that are not named. */
  rest?: Names;
}

interface Namesake {
  /** Where it stands, as a JSON pointer. */
  at: string;
  known: string;
}

/** `*` stands for any name. */
export function namesOf(paths: Iterable<readonly string[]>): Names {
  const all: Names = { members: new Map() };
  for (const path of paths) {
    let at = all;
    for (const name of path) {
      const next: Names = (name === '*' ? at.rest : at.members.get(name)) ?? { members: new Map() };
      if (name === '*') at.rest = next;
      else at.members.set(name, next);
      at = next;
    }
  }
  return all;
}

/** The arguments that a rule names, as paths below `context.args`. */
export function argumentsNamed(json: PolicyJson): string[][] {
  const paths: string[][] = [];
  const walk = (expr: Parameters<typeof operands>[0]): void => {
    const path = contextPath(expr) ?? hasPath(expr);
    if (!path) for (const part of operands(expr)) walk(part);
    else if (path[0] === 'args' && path.length > 1) paths.push(path.slice(1));
  };
  for (const { body } of json.conditions) walk(body);
  return paths;
}

/** A message nests at most some 64 deep. */
const deepest = 256;

/** A list is searched entry by entry. What nests too deeply is for the rules to refuse: here only what they name is looked for. */
function namesakeIn(value: unknown, names: Names | undefined, depth = 0): Namesake | undefined {
  if (names === undefined || (names.members.size === 0 && !names.rest) || depth > deepest) return undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return inList(value, (entry) => namesakeIn(entry, names, depth + 1));
  const folded = foldedNames(names);
  return inMembers(value as Members, (name, member) => {
    const inner = names.members.get(name);
    const knownName = inner || folded.size === 0 ? undefined : folded.find(new Spelling(name));
    return knownName === undefined ? below(name, namesakeIn(member, inner ?? names.rest, depth + 1)) : { at: `/${name}`, known: knownName };
  });
}

type Members = Record<string, unknown>;

/** Where a namesake further in stands, as seen from here. Built on the way out: most calls have none, and so pay nothing. */
const below = (name: string | number, namesake: Namesake | undefined): Namesake | undefined =>
  namesake && { at: `/${name}${namesake.at}`, known: namesake.known };

function inList(list: readonly unknown[], look: (entry: unknown) => Namesake | undefined): Namesake | undefined {
  for (let at = 0; at < list.length; at++) {
    if (typeof list[at] !== 'object') continue;
    const namesake = look(list[at]);
    if (namesake !== undefined) return below(at, namesake);
  }
  return undefined;
}

function inMembers(members: Members, look: (name: string, member: unknown) => Namesake | undefined): Namesake | undefined {
  for (const name of Object.keys(members)) {
    const namesake = look(name, members[name]);
    if (namesake !== undefined) return namesake;
  }
  return undefined;
}

/** A name of a call. It is looked for in many schemas, and a long one of foreign letters takes long to fold. */
class Spelling {
  readonly name: string;
  #isAscii: boolean | undefined;
  #folded: string | undefined;
  constructor(name: string) {
    this.name = name;
  }
  get isAscii(): boolean {
    this.#isAscii ??= isAscii(this.name);
    return this.#isAscii;
  }
  get folded(): string {
    this.#folded ??= fold(this.name);
    return this.#folded;
  }
}

/** Known names by how they fold. */
interface Folded {
  readonly size: number;
  find(spelling: Spelling): string | undefined;
}

function openFolded(names: Iterable<string>): Folded {
  const all = new Map([...names].map((name) => [fold(name), name]));
  // Folding keeps the length of a name in ASCII, and most names have a length that no known name has.
  const lengths = new Set([...all.keys()].map((name) => name.length));
  return {
    size: all.size,
    find: (spelling) => (all.size === 0 || (!lengths.has(spelling.name.length) && spelling.isAscii) ? undefined : all.get(spelling.folded)),
  };
}

const kept = new WeakMap<Names, Folded>();

function foldedNames(of: Names): Folded {
  const folded = kept.get(of) ?? openFolded(of.members.keys());
  kept.set(of, folded);
  return folded;
}

/** Why the arguments of a call cannot be told from others; undefined where they can. `blessed`: its definition; `ofRules`: what the rules for it name. */
export function posing(
  { action, name, args }: { action: string; name: string; args?: Record<string, unknown> },
  { tools }: Pick<ServerEntry, 'tools'>,
  blessed: Record<string, unknown> | undefined,
  ofRules: Names,
): string | undefined {
  if (action !== 'call' && action !== 'get') return undefined;
  const namesake =
    namesakeIn(args, ofRules) ??
    (action === 'get' ? namesakeIn(args, namesOfPrompt(blessed)) : namesakeBySchema(args, blessed?.['inputSchema'])) ??
    (action === 'call' && Object.hasOwn(tools, name) ? namesakeIn(args, namesDeclared(tools[name]!)) : undefined);
  if (namesake === undefined) return undefined;
  if (namesake === 'too much') return 'they are too large or nest too deeply to be compared with its schema';
  const at = namesake.at.length > longestShown ? `...${namesake.at.slice(-longestShown)}` : namesake.at;
  return `${at} differs from "${namesake.known}" in its case only, and servers may take it for that`;
}

const longestShown = 120;
const made = new WeakMap<object, Names>();

function madeOf(key: object, paths: () => Iterable<readonly string[]>): Names {
  const names = made.get(key) ?? namesOf(paths());
  made.set(key, names);
  return names;
}

/** The arguments whose kind the company declares. */
const namesDeclared = (facts: ToolFacts): Names => madeOf(facts, () => Object.keys(facts.arguments ?? {}).map((path) => path.split('.')));

function namesOfPrompt(prompt: { [key: string]: unknown } | undefined): Names | undefined {
  const list = prompt?.['arguments'];
  if (prompt === undefined || !Array.isArray(list)) return undefined;
  const names = list.map((argument: { name?: unknown } | null) => argument?.name).filter((name) => typeof name === 'string');
  return madeOf(prompt, () => names.map((name) => [name]));
}

type Schema = Record<string, unknown>;
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const schemasIn = (value: unknown): Schema[] => [value].flat().filter(isSchema);
const valuesOf = (value: unknown): Schema[] => (isSchema(value) ? Object.values(value).filter(isSchema) : []);

/** What a schema says of names: worked out once, since each name of a call is looked up in it. */
interface Reading {
  properties: Schema;
  names: boolean;
  folded: Folded;
  /** What else applies to the same value. */
  parts: Schema[];
  items: Schema[];
  /** May apply to any member. */
  patterns: Schema[];
  /** Of the members that it does not name. */
  rest: Schema[];
}

const readings = new WeakMap<Schema, Reading>();

function readingOf(schema: Schema, root: Schema): Reading {
  const cached = readings.get(schema);
  if (cached) return cached;
  const under = (...keys: string[]) => keys.flatMap((key) => schemasIn(schema[key]));
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const reading: Reading = {
    properties,
    folded: openFolded(Object.keys(properties)),
    names: Object.keys(properties).length > 0,
    parts: [
      ...under('allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else'),
      ...valuesOf(schema['dependentSchemas']),
      ...valuesOf(schema['dependencies']),
      ...['$ref', '$dynamicRef', '$recursiveRef'].flatMap((key) => referredBy(schema[key], root)),
    ],
    items: under('items', 'prefixItems', 'additionalItems', 'contains'),
    patterns: valuesOf(schema['patternProperties']),
    rest: under('additionalProperties', 'unevaluatedProperties'),
  };
  readings.set(schema, reading);
  return reading;
}

/** Names times schemas that are looked at in one call: far more than a useful call has, and some tens of milliseconds. */
const mostWork = 500_000;

/** Looks for namesakes of the names in a blessed schema, wherever they stand: all branches of a choice count. */
function namesakeBySchema(value: unknown, schema: unknown): Namesake | 'too much' | undefined {
  if (!isSchema(schema)) return undefined;
  const root = readingOf(schema, schema);
  // Most calls: plain values, each under a name that the schema has.
  if (root.parts.length === 0 && isFlat(value, root.properties)) return undefined;
  let work = 0;

  /** All schemas that apply to the value itself. */
  const together = (some: readonly Schema[]): Reading[] => {
    const [first] = some;
    // Most schemas say all that they say in one place.
    if (some.length === 1 && readingOf(first!, schema).parts.length === 0) return [readingOf(first!, schema)];
    const all = new Set(some);
    for (const subschema of all) {
      if (++work > mostWork) throw tooMuch;
      for (const part of readingOf(subschema, schema).parts) all.add(part);
    }
    return [...all].map((subschema) => readingOf(subschema, schema));
  };

  const look = (inner: unknown, some: readonly Schema[], depth: number): Namesake | undefined => {
    if (depth > deepest) throw tooMuch;
    if (some.length === 0 || typeof inner !== 'object' || inner === null) return undefined;
    const all = together(some);
    if (Array.isArray(inner)) {
      const items = all.flatMap((reading) => reading.items);
      return items.length === 0 ? undefined : inList(inner, (entry) => look(entry, items, depth + 1));
    }
    // Where no schema names a member, there is no namesake.
    if (!all.some((reading) => reading.names || reading.patterns.length > 0 || reading.rest.length > 0)) return undefined;
    return inMembers(inner as Members, (name, member) => {
      const deep = typeof member === 'object' && member !== null;
      const further: Schema[] = [];
      let named = false;
      let knownName: string | undefined;
      const spelling = new Spelling(name);
      work += all.length;
      if (work > mostWork) throw tooMuch;
      for (const reading of all) {
        if (deep) for (const part of reading.patterns) further.push(part);
        if (Object.hasOwn(reading.properties, name)) {
          named = true;
          if (deep) further.push(...schemasIn(reading.properties[name]));
        } else {
          knownName ??= reading.folded.find(spelling);
          if (deep) for (const part of reading.rest) further.push(part);
        }
      }
      if (!deep && (named || knownName === undefined)) return undefined;
      return named || knownName === undefined ? below(name, look(member, further, depth + 1)) : { at: `/${name}`, known: knownName };
    });
  };

  try {
    return look(value, [schema], 0);
  } catch (error) {
    if (error === tooMuch) return 'too much';
    throw error;
  }
}

const tooMuch = new Error('too much');

function isFlat(value: unknown, properties: Schema): boolean {
  if (!isSchema(value)) return false;
  for (const name in value) if (!Object.hasOwn(properties, name) || (typeof value[name] === 'object' && value[name] !== null)) return false;
  return true;
}
