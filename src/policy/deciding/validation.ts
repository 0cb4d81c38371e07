import { instrument } from './instrument.ts';
import type { Validator } from './valid.ts';

let loaded: typeof import('./valid.ts') | undefined;

/** Schemas are needed by the first call only: neither the start nor a list waits for what compiles them. */
export async function loadValidation(): Promise<void> {
  loaded ??= await import('./valid.ts');
}
export const validationIsLoaded = (): boolean => loaded !== undefined;

const early: Validator = { misfit: () => 'they cannot be checked yet, try again in a moment' };

/** INVARIANT: before `loadValidation` nothing fits. */
export const validatorOf = (tool: object): Validator => loaded?.validatorOf(tool) ?? early;

const reasons = new WeakMap<object, { why: string | undefined }>();

/** Why the schema of a tool cannot be used, without compiling it: for lists of thousands. What only compiling shows is reported when it is published. */
export function uncheckable(tool: { [key: string]: unknown }): string | undefined {
  const known = reasons.get(tool);
  if (known) return known.why;
  const schema = tool['inputSchema'];
  const made = schema === undefined ? 'it states none' : instrument(schema, '');
  const why = typeof made === 'string' ? made : undefined;
  reasons.set(tool, { why });
  return why;
}
