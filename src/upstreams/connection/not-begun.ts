import { NoCredential, UpstreamError } from '../upstream.ts';

/** Trouble while connecting. Nothing was called yet, so nothing can have been carried out: it is `unreachable`, whatever broke. */
export function notBegun(error: UpstreamError, status: number): UpstreamError {
  if (error instanceof NoCredential) return error;
  if (error.problem === 'closed') return new UpstreamError('unreachable', error.message, { cause: error });
  if (error.problem !== 'timed-out' && error.problem !== 'cancelled')
    return new UpstreamError(error.problem, error.message, { cause: error, status });
  return new UpstreamError('unreachable', 'it did not begin a session in time', { cause: error });
}

export function notConnected(error: unknown, stop: AbortSignal, startMs: number): UpstreamError {
  if (error instanceof NoCredential) return error;
  const detail = error instanceof UpstreamError && error.problem !== 'cancelled' ? `: ${error.message}` : '';
  if (stop.aborted && stop.reason instanceof DOMException && stop.reason.name === 'TimeoutError')
    return new UpstreamError('unreachable', `no connection within ${startMs / 1000} s${detail}`, { cause: error });
  if (!(error instanceof UpstreamError)) return new UpstreamError('unreachable', 'the connection failed', { cause: error });
  return error.problem === 'timed-out' || error.problem === 'closed'
    ? new UpstreamError('unreachable', error.message, { cause: error })
    : error;
}
