import { isRawNumber } from './exact.ts';

/** How many members the objects in a parsed value have, all of them together. A number that is kept as it was written has none. */
export function members(value: unknown): number {
  if (typeof value !== 'object' || value === null || isRawNumber(value)) return 0;
  let count = 0;
  if (Array.isArray(value)) for (const item of value) count += members(item);
  else for (const name in value) count += 1 + members((value as Record<string, unknown>)[name]);
  return count;
}
