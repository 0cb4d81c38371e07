import { isObject, type Schema } from '../../bundle/json-schema.ts';
import { isNames } from './keywords.ts';

const places = ['if', 'then', 'else'];
const lists = ['anyOf', 'oneOf'];

/** The members that an instrumented schema declares by name, in whichever of its parts, less those that it demands in every case. */
export function omissible(schema: Schema): Set<string> {
  const names = new Set<string>();
  const demanded = new Set<string>();
  const defs = isObject(schema['$defs']) ? schema['$defs'] : {};
  const seen = new Map<unknown, boolean>();

  function look(part: unknown, always: boolean): void {
    // Looks at a part again only where it was optional before and is demanded now.
    if (!isObject(part) || seen.get(part) || seen.get(part) === always) return;
    seen.set(part, always);
    if (isObject(part['properties'])) for (const name of Object.keys(part['properties'])) names.add(name);
    if (always && isNames(part['required'])) for (const name of part['required']) demanded.add(name);
    if (typeof part['$ref'] === 'string') look(defs[part['$ref'].slice('#/$defs/'.length)], always);
    if (Array.isArray(part['allOf'])) for (const subschema of part['allOf']) look(subschema, always);
    for (const key of lists) if (Array.isArray(part[key])) for (const subschema of part[key]) look(subschema, false);
    for (const key of places) look(part[key], false);
    if (isObject(part['dependentSchemas'])) for (const subschema of Object.values(part['dependentSchemas'])) look(subschema, false);
  }
  look(schema, true);
  for (const name of demanded) names.delete(name);
  return names;
}
