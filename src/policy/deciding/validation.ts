import type { Validator } from './valid.ts';

let loaded: typeof import('./valid.ts') | undefined;

/** Schemas are compiled at the first call of a tool, so neither the start nor the lists of agents wait for the compiler to load. */
export async function loadValidation(): Promise<void> {
  loaded ??= await import('./valid.ts');
}
export const validationIsLoaded = (): boolean => loaded !== undefined;

const early: Validator = { dropped: [], misfit: () => 'they cannot be checked yet, try again in a moment', mayBeLeftOut: () => false };

/** INVARIANT: before `loadValidation` nothing fits. */
export const validatorOf = (tool: object): Validator => loaded?.validatorOf(tool) ?? early;

/** What of a tool's schema is not checked, as a sentence; undefined where all of it is. */
export const uncheckedOf = (tool: object): string | undefined =>
  loaded ? loaded.uncheckedOf(tool) : 'The arguments are not checked yet, since the schemas are still being loaded.';
