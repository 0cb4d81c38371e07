import type { View } from '../contract.ts';
import type { ErrorValue } from '../errors.ts';

/** What a shell needs of the core. */
export interface Core {
  dispatch(command: string, input: unknown): Promise<{ ok: true; value: unknown } | { ok: false; error: ErrorValue }>;
  view(): View;
  watch(listener: (view: View) => void): () => void;
  close(): Promise<void>;
}
