/**
 * The type of an argument, as far as Cedar has one. `any` is what it has no type for: a number that may be whole or not, a choice of types,
 * an object without listed members. `open` records may have members that are not listed.
 */
export type ArgumentType =
  | { kind: 'string' | 'long' | 'bool' | 'any' }
  | { kind: 'set'; of: ArgumentType }
  | { kind: 'record'; members: ReadonlyMap<string, ArgumentType>; open: boolean };

export type RecordType = Extract<ArgumentType, { kind: 'record' }>;

type Schema = Record<string, unknown>;
const any: ArgumentType = { kind: 'any' };
const maxDepth = 8;

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The arguments of a tool from its blessed inputSchema; anything goes where it has none that lists them. */
export function argumentsOf(inputSchema: unknown): RecordType {
  const type = typeOf(inputSchema, inputSchema, 0);
  return type.kind === 'record' ? type : { kind: 'record', members: new Map(), open: true };
}

/** What several tools take together; a member on which they disagree can be anything. */
export function mergeRecords(types: readonly RecordType[]): RecordType {
  const none: RecordType = { kind: 'record', members: new Map(), open: false };
  return types.reduce<RecordType>((a, b) => merge(a, b) as RecordType, none);
}

function merge(a: ArgumentType, b: ArgumentType): ArgumentType {
  if (a.kind === 'set' && b.kind === 'set') {
    const of = merge(a.of, b.of);
    return of.kind === 'any' ? any : { kind: 'set', of };
  }
  if (a.kind === 'record' && b.kind === 'record') {
    const members = new Map(a.members);
    for (const [name, type] of b.members) members.set(name, members.has(name) ? merge(members.get(name)!, type) : type);
    return { kind: 'record', members, open: a.open || b.open };
  }
  return a.kind === b.kind ? a : any;
}

function typeOf(schema: unknown, root: unknown, depth: number): ArgumentType {
  if (!isSchema(schema) || depth > maxDepth) return any;
  if (typeof schema['$ref'] === 'string') return typeOf(follow(schema['$ref'], root), root, depth + 1);
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices))
    return same(
      choices.filter((choice) => !(isSchema(choice) && choice['type'] === 'null')).map((choice) => typeOf(choice, root, depth + 1)),
    );
  if ('allOf' in schema || 'not' in schema || 'if' in schema) return any;
  const types = [schema['type']].flat().filter((type) => type !== 'null');
  if (types.length !== 1) return fromValues(schema);
  switch (types[0]) {
    case 'string':
      return { kind: 'string' };
    case 'integer':
      return { kind: 'long' };
    case 'boolean':
      return { kind: 'bool' };
    case 'array': {
      const of = isSchema(schema['items']) && !('prefixItems' in schema) ? typeOf(schema['items'], root, depth + 1) : any;
      return of.kind === 'any' ? any : { kind: 'set', of };
    }
    case 'object':
      return recordOf(schema, root, depth);
    default:
      return any;
  }
}

function recordOf(schema: Schema, root: unknown, depth: number): ArgumentType {
  const properties = schema['properties'];
  const extra = schema['additionalProperties'];
  const open = extra === true || isSchema(extra) || 'patternProperties' in schema;
  // A tool that takes nothing says so with an empty list or a closed schema; without either it takes whatever comes.
  if (!isSchema(properties)) return depth === 0 ? { kind: 'record', members: new Map(), open: extra !== false } : any;
  const members = new Map(Object.entries(properties).map(([name, member]) => [name, typeOf(member, root, depth + 1)]));
  return { kind: 'record', members, open };
}

/** `enum` and `const` without a type: what their values are. */
function fromValues(schema: Schema): ArgumentType {
  const values = Array.isArray(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const']] : [];
  return same(
    values
      .filter((value) => value !== null)
      .map((value) => (typeof value === 'string' ? { kind: 'string' } : typeof value === 'boolean' ? { kind: 'bool' } : any)),
  );
}

function same(types: readonly ArgumentType[]): ArgumentType {
  const [first, ...rest] = types;
  return first && rest.every((type) => JSON.stringify(plain(type)) === JSON.stringify(plain(first))) ? first : any;
}

const plain = (type: ArgumentType): unknown =>
  type.kind === 'record'
    ? [...type.members].map(([name, member]) => [name, plain(member)])
    : type.kind === 'set'
      ? [plain(type.of)]
      : type.kind;

function follow(ref: string, root: unknown): unknown {
  if (!ref.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const part of ref.slice(2).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    at = isSchema(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}
