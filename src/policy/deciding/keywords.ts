import { isObject, type Schema } from '../../bundle/json-schema.ts';

export type Draft = '2020-12' | '2019-09' | 'draft-07';

/** Both `http` and `https` are in use, with and without a `#` at the end. */
const drafts: Record<string, Draft> = {
  'json-schema.org/draft/2020-12/schema': '2020-12',
  'json-schema.org/draft/2019-09/schema': '2019-09',
  'json-schema.org/draft-07/schema': 'draft-07',
  'json-schema.org/draft-06/schema': 'draft-07',
};

/** What MCP says of a schema that names no draft: 2020-12. */
export function draftOf({ $schema: stated }: Schema): Draft | undefined {
  if (stated === undefined) return '2020-12';
  const name = typeof stated === 'string' ? stated.replace(/^https?:\/\//, '').replace(/#$/, '') : '';
  return Object.hasOwn(drafts, name) ? drafts[name] : undefined;
}

/** What stands below them is no schema, whatever it looks like. */
export const data = new Set('enum const default examples required dependentRequired type'.split(' '));

const newer = ['2019-09', '2020-12'];
/** Keywords that not every draft has. A keyword of another draft is not used: nobody can say whether the server goes by it. */
const onlyIn: Record<string, readonly string[]> = {
  prefixItems: ['2020-12'],
  $dynamicRef: ['2020-12'],
  $recursiveRef: ['2019-09'],
  dependentSchemas: newer,
  dependentRequired: newer,
  unevaluatedItems: newer,
  unevaluatedProperties: newer,
  minContains: newer,
  maxContains: newer,
};
export const isOf = (draft: Draft, key: string): boolean => !Object.hasOwn(onlyIn, key) || onlyIn[key]!.includes(draft);

const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value);
const isCount = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
export const isNames = (value: unknown): value is string[] => Array.isArray(value) && value.every((name) => typeof name === 'string');
const types = new Set(['string', 'number', 'integer', 'boolean', 'array', 'object', 'null']);

/** The keywords that constrain a value by themselves, each with a check of its own value. All others that hold no schema are annotations. */
export const assertions: Record<string, (value: unknown) => boolean> = {
  type: (value) => {
    const all: unknown[] = Array.isArray(value) ? value : [value];
    return all.length > 0 && new Set(all).size === all.length && all.every((type) => types.has(type as string));
  },
  enum: Array.isArray,
  const: () => true,
  multipleOf: (value) => isNumber(value) && (value as number) > 0,
  maximum: isNumber,
  minimum: isNumber,
  exclusiveMaximum: isNumber,
  exclusiveMinimum: isNumber,
  maxLength: isCount,
  minLength: isCount,
  maxItems: isCount,
  minItems: isCount,
  maxProperties: isCount,
  minProperties: isCount,
  uniqueItems: (value) => typeof value === 'boolean',
  required: isNames,
  dependentRequired: (value) => isObject(value) && Object.values(value).every(isNames) && !Object.hasOwn(value, '__proto__'),
};
