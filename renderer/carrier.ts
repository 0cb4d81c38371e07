import type { Gatehouse } from '../src/contract/contract.ts';
import { openHttp } from './http.ts';

declare global {
  interface Window {
    /** Set by Electron's preload; absent in a browser. */
    gatehouse?: Gatehouse;
  }
}

/** How the window stands to the program behind it. `locked`: this browser has no right to it (no or an old launch token). */
export type Link = 'connecting' | 'live' | 'lost' | 'locked';

export const inElectron = () => window.gatehouse !== undefined;

/** One contract, two carriers: the window does not know which one is below. */
export async function openCarrier(onLink: (link: Link) => void): Promise<Gatehouse> {
  const bridge = window.gatehouse;
  // The bridge's functions cross a context boundary and lose `this`, so they are called as functions.
  if (bridge) return { call: (command, input) => bridge.call(command, input), watch: (listener) => bridge.watch(listener) };
  return openHttp(onLink);
}
