import type { Failure } from '../base/errors.ts';
import type { View } from '../contract/view.ts';
import type { Tokens } from './tokens.ts';

/** A sign-in under way. `done` settles once: with tokens, or with the Failure that ended it. */
export interface Flow {
  readonly prompt: NonNullable<View['identity']['prompt']>;
  readonly done: Promise<Tokens>;
  end(reason: Failure): void;
}
