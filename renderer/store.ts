import { create } from 'zustand';
import type { Gatehouse } from '../src/contract/contract.ts';
import type { View } from '../src/contract/view.ts';
import type { Link } from './link.ts';

interface WindowState {
  /** The core's view, replaced whole with each push. */
  view?: View;
  link: Link;
  call: Gatehouse['call'];
}

/** The mirror of the core's one View: state flows down into it, commands flow up through `call`. */
export const useWindow = create<WindowState>()(() => ({
  link: 'connecting',
  call: async () => ({ ok: false, error: { code: 'not-running', message: 'Gatehouse is still starting.' } }),
}));

export const useCall = () => useWindow((state) => state.call);

/** A part of the view, for pages that are shown only once there is one. Select plain parts: a new object each time renders each time. */
export function useView<T>(select: (view: View) => T): T {
  return useWindow((state) => {
    if (!state.view) throw new Error('There is no view yet.');
    return select(state.view);
  });
}
