import type { PolicyJson } from '@cedar-policy/cedar-wasm/web';
import type { CompiledPolicy } from '../../bundle/schema.ts';
import type { Mentions } from './condition.ts';
import type { Conditions } from './conditions.ts';
import type { Expected } from './expected.ts';
import type { Obligations } from './obligations.ts';

/** A policy that can apply to this person, with what was found out about it once. */
export interface Rule {
  /** Its place in the bundle; of several that decide, the first is named. */
  index: number;
  policy: CompiledPolicy;
  json: PolicyJson;
  mentions: Mentions;
  expected: readonly Expected[];
  obligations: Obligations;
  /** An obligation could not be read: a permit that cannot say what it asks for permits nothing. */
  broken: boolean;
  /** Its conditions were taken to hold as far as they are not known yet. */
  assumed: boolean;
  conditions: Conditions;
}
