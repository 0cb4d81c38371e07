import type { ErrorValue } from '../../src/base/errors.ts';
import type { View } from '../../src/contract/view.ts';

/** Why no address or token is given out now: the other program on the port would be sent the token. Undefined where they may be. */
export function heldBack({ state, error }: View['gateway']): ErrorValue | undefined {
  if (state === 'on') return error;
  return error ?? { code: 'unavailable', message: 'The gateway is not running.', fix: 'Try again in a moment.' };
}

/** Another program has an address of the port at this moment. */
export const isTaken = ({ error }: View['gateway']) => error?.code === 'conflict';

/** The exposure, while the person must act: another program has the port, or a token that may have leaked is still valid. */
export function openExposure({ exposure }: View['gateway']): View['gateway']['exposure'] {
  return exposure && (exposure.until === undefined || exposure.agents.length > 0) ? exposure : undefined;
}

/** Who had it, as a sentence. */
export const heldBy = ({ address, holder }: NonNullable<View['gateway']['exposure']>) =>
  `${address[0]?.toUpperCase()}${address.slice(1)} was held by ${holder}.`;

export const takenTitle = (state: View['gateway']['state']) =>
  state === 'failed' ? 'Another program has the gateway’s port' : 'Another program has part of the gateway’s port';
