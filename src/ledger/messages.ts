import type { ErrorValue } from '../base/errors.ts';
import type { CommandParsed } from '../contract/contract.ts';
import type { Head } from './head.ts';
import type { Batch } from './unsent.ts';
import type { Outside, Verification } from './verify.ts';

/** What the writer thread is started with. */
export interface WriterData {
  file: string;
  key: Uint8Array | undefined;
  /** The head that the vault keeps. */
  vault: Head | undefined;
  /** The host's clock: names of files put aside, times of the ledger's own notes. */
  at: number;
}

/** What the writer may be asked; a batch of rows goes as one JSON string instead, which costs the caller a fifth of a structured clone. */
export interface Questions {
  flush: { input: undefined; output: undefined };
  /** The next records for central, only those that no power failure can take away any more. */
  unsent: { input: { after: number; limit: number; bytes: number }; output: Batch | undefined };
  acknowledge: { input: number; output: number };
  /** How far the upload is, according to the disk. */
  cursor: { input: undefined; output: number };
  verify: { input: Outside; output: Verification };
  'accept-loss': { input: { person: string; at: number }; output: number };
  export: {
    input: { format: CommandParsed<'ledger-export'>['format']; before: number | undefined; limit: number };
    output: { text: string; next?: number };
  };
  /** Puts the damaged file aside, once the reader has let go of it (Windows cannot rename an open file). */
  replace: { input: number; output: undefined };
  close: { input: undefined; output: undefined };
}
export type Query = keyof Questions;

export interface Ask {
  id: number;
  question: Query;
  input: unknown;
}

export type Said =
  /** Open. `notes`: how many the writer put into the chain itself just now; `trouble`: what is known to be wrong with the chain. */
  | { kind: 'ready'; head: Head; cursor: number; notes: number; trouble: ErrorValue | undefined }
  | { kind: 'refused'; error: ErrorValue }
  | { kind: 'committed'; count: number; head: Head }
  /** No power failure can take away the record that this head names. */
  | { kind: 'durable'; head: Head }
  | { kind: 'trouble'; error: ErrorValue | undefined }
  | { kind: 'failing'; error: ErrorValue }
  | { kind: 'well' }
  /** The file broke while we ran: the reader lets go, then asks for `replace`. */
  | { kind: 'damaged' }
  | { kind: 'answer'; id: number; value: unknown }
  | { kind: 'failed'; id: number; error: ErrorValue };
