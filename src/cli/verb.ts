/** What a verb's module exports. Returns its exit code; a `Failure` that it throws is printed and has an exit code of its own. */
export interface VerbModule {
  run(args: string[], io: Io): Promise<number>;
}

/** Where a verb writes. Standard output carries results only, so that it can be piped. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly colour: boolean;
  readonly width: number;
}
