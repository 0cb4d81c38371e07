import { z } from 'zod';
import { nearest } from '../../base/nearest.ts';

type JsonSchema = { [key: string]: unknown };
const isObject = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null && !Array.isArray(value);

const shapes = new WeakMap<z.ZodType, JsonSchema>();

function shapeOf(schema: z.ZodType): JsonSchema {
  const shape = shapes.get(schema) ?? (z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as JsonSchema);
  shapes.set(schema, shape);
  return shape;
}

/** The members that the schema names for the object at `path`; empty where it names none. */
export function membersAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = shapeOf(schema);
  for (const step of path) {
    if (!isObject(at)) return [];
    const properties = isObject(at['properties']) ? at['properties'] : {};
    at = typeof step === 'number' ? at['items'] : Object.hasOwn(properties, step) ? properties[String(step)] : at['additionalProperties'];
  }
  return isObject(at) && isObject(at['properties']) ? Object.keys(at['properties']) : [];
}

export interface Misspelt {
  path: readonly PropertyKey[];
  meant: string;
}

/**
 * Members of an open format whose name is nearly one that it defines: `packageArgument` would be kept as an unknown extension, and the arguments in it
 * would be missing where the server is started. `leave`: names of members whose content is not ours to check.
 */
export function misspelt(schema: z.ZodType, raw: unknown, leave: readonly string[], path: readonly PropertyKey[] = []): Misspelt[] {
  if (Array.isArray(raw)) return raw.flatMap((item, index) => misspelt(schema, item, leave, [...path, index]));
  if (!isObject(raw)) return [];
  const members = membersAt(schema, path);
  return Object.entries(raw).flatMap(([name, value]) => {
    if (leave.includes(name)) return [];
    const meant =
      members.includes(name) || members.length === 0
        ? undefined
        : nearest(
            name,
            members.filter((member) => !Object.hasOwn(raw, member)),
          );
    return meant === undefined ? misspelt(schema, value, leave, [...path, name]) : [{ path: [...path, name], meant }];
  });
}
