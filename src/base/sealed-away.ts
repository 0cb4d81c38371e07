import { Failure } from './errors.ts';

/** What to do where a secret exists and cannot be opened. It never counts as absent: a new key would replace it for good. */
const fix =
  'Unlock the keychain, or start Gatehouse with the key, the program and the files that it was used with. If that is lost: gatehouse vault reset.';

/** A secret was made here and cannot be read now. */
export class SealedAway extends Failure {
  /** Whether it may pass by itself, as with a keychain that the person has yet to unlock. */
  readonly passing: boolean;
  constructor(why: string, options: { passing?: boolean; cause?: unknown } = {}) {
    super('unavailable', `The secrets of Gatehouse on this computer cannot be opened: ${why}.`, fix, { cause: options.cause });
    this.passing = options.passing ?? false;
  }
}
