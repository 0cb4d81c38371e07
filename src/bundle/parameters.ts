import { isObject } from './json-schema.ts';

/** An argument that goes into a header, too (SEP-2243). */
export interface Parameter {
  header: string;
  path: string[];
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const permitted = new Set(['string', 'integer', 'boolean']);

/** The annotated arguments of a tool; undefined where an annotation breaks the rules: nobody may call such a tool (SEP-2243). */
export function annotated(inputSchema: unknown): Parameter[] | undefined {
  const parameters: Parameter[] = [];
  const sound = collect(inputSchema, [], parameters);
  const distinct = new Set(parameters.map((parameter) => parameter.header.toLowerCase())).size === parameters.length;
  return sound && distinct ? parameters : undefined;
}

function collect(schema: unknown, path: string[], parameters: Parameter[]): boolean {
  if (!isObject(schema) || path.length > 16) return true;
  const header = schema['x-mcp-header'];
  if (header !== undefined) {
    if (path.length === 0 || typeof header !== 'string' || !token.test(header) || !permitted.has(schema['type'] as string)) return false;
    parameters.push({ header: `mcp-param-${header}`, path });
  }
  const { properties } = schema;
  return !isObject(properties) || Object.entries(properties).every(([key, child]) => collect(child, [...path, key], parameters));
}
