type Finding = { seq: number; message: string };

/** The last record that it knew of, or why the ledger could not be compared with it. */
export type Compared = { upTo: number } | { why: string };

/**
 * What verification found. Not `ok` and no `problem`: whole in itself, but nothing outside of its folder says whether that is all. `loss`: records
 * that are missing, and a person accepted that.
 */
export interface Verified {
  ok: boolean;
  records: number;
  problem?: Finding;
  loss?: Finding;
  vault: Compared;
  central: Compared;
}
