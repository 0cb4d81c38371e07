/**
 * Every error a person or a program may meet, in one table.
 * `status` is the HTTP status where the error leaves over HTTP, `exit` the exit code where it leaves over the command line.
 */
export const codes = {
  internal: { status: 500, exit: 1 },
  'bad-input': { status: 400, exit: 2 },
  'not-running': { status: 503, exit: 3 },
  'signed-out': { status: 401, exit: 4 },
  denied: { status: 403, exit: 5 },
  'not-found': { status: 404, exit: 6 },
  unavailable: { status: 503, exit: 7 },
  conflict: { status: 409, exit: 8 },
  integrity: { status: 500, exit: 9 },
  'timed-out': { status: 504, exit: 10 },
} as const;

export type ErrorCode = keyof typeof codes;

/** An expected failure. `message` says what happened, `fix` what to do next; neither ever holds a secret. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: ErrorCode;
  readonly fix: string | undefined;
  constructor(code: ErrorCode, message: string, fix?: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fix = fix;
  }
}

/** An error as a value: what crosses IPC, HTTP and the control socket. */
export interface ErrorValue {
  code: ErrorCode;
  message: string;
  fix?: string;
}

/** Unexpected errors keep their text out of the answer: it may hold paths or secrets. The caller logs the original. */
export function toErrorValue(error: unknown): ErrorValue {
  if (error instanceof Failure) return { code: error.code, message: error.message, ...(error.fix === undefined ? {} : { fix: error.fix }) };
  return { code: 'internal', message: 'Something went wrong inside Gatehouse.', fix: 'See the log file, then try again.' };
}
