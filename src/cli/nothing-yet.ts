import type { View } from '../contract/view.ts';

/** Why a list is empty, where the reason is not the list itself: signed out, or no bundle. */
export function nothingYet(view: View, otherwise: string): string {
  if (view.identity.state !== 'signed-in') return 'Nobody is signed in. Sign in: gatehouse login';
  if (view.bundle.state === 'none') return 'The company has sent no bundle yet. See: gatehouse status';
  return otherwise;
}
