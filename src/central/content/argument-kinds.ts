import { nearest } from '../../base/nearest.ts';
import type { ToolFacts } from '../../bundle/schema.ts';

type Schema = Record<string, unknown>;
const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The declared arguments that the blessed schema does not have, with what was probably meant: a declaration without an argument protects nothing. */
export function unknownArguments(inputSchema: unknown, kinds: ToolFacts['arguments'] = {}): { path: string; meant: string | undefined }[] {
  return Object.keys(kinds).flatMap((path) => {
    let at: unknown = inputSchema;
    const parts = path.split('.');
    for (const [index, part] of parts.entries()) {
      while (isSchema(at) && isSchema(at['items'])) at = at['items'];
      // Where the schema lists no members, they can have any name. References to other schemas are not followed.
      const listed = isSchema(at) && isSchema(at['properties']) ? at['properties'] : undefined;
      if (!listed || part === '*') return [];
      if (!Object.hasOwn(listed, part)) {
        const meant = nearest(part, Object.keys(listed));
        const extra = (at as Schema)['additionalProperties'];
        const open = (extra !== undefined && extra !== false) || '$ref' in (at as Schema) || 'allOf' in (at as Schema);
        if (open && meant === undefined) return [];
        return [{ path, meant: meant && [...parts.slice(0, index), meant].join('.') }];
      }
      at = listed[part];
    }
    return [];
  });
}
