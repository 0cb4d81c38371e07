import { type ErrorCode, Failure } from '../../base/errors.ts';

/** A Failure with what only HTTP knows: a status that differs from the code's own, headers, further fields of the JSON body. */
export class Refusal extends Failure {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly extra: Readonly<Record<string, unknown>>;
  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    fix: string,
    more: { headers?: Record<string, string>; extra?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(code, message, fix, more.cause === undefined ? undefined : { cause: more.cause });
    this.status = status;
    this.headers = more.headers ?? {};
    this.extra = more.extra ?? {};
  }
}
