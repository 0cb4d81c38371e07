import type { Gatehouse } from '../src/contract/contract.ts';
import { openHttp } from './http.ts';
import type { Link } from './link.ts';

declare global {
  interface Window {
    /** Set by Electron's preload; absent in a browser. */
    gatehouse?: Gatehouse;
  }
}

export const inElectron = () => window.gatehouse !== undefined;

/** One contract, two carriers: the window does not know which one is below. */
export async function openCarrier(onLink: (link: Link) => void): Promise<Gatehouse> {
  const bridge = window.gatehouse;
  // The bridge's functions cross a context boundary and lose `this`, so they are called as functions.
  if (bridge) return { call: (command, input) => bridge.call(command, input), watch: (listener) => bridge.watch(listener) };
  return openHttp(onLink);
}
