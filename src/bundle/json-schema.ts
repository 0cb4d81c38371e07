export type Schema = { [key: string]: unknown };
export const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keywords of JSON Schema, draft-07 and 2020-12, by where their subschemas stand: as the value, in a list, in a map. */
export const single = new Set(
  'items additionalItems additionalProperties unevaluatedItems unevaluatedProperties contains propertyNames not if then else'.split(' '),
);
export const lists = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems', 'items']);
export const maps = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);
