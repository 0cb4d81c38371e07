import { Failure } from '../base/errors.ts';
import { readText, withDeadline } from './answer.ts';

/** The person's access token. `forceRefresh` after the central API refused the present one. */
export type AccessToken = (options?: { forceRefresh?: boolean }) => Promise<string>;

export interface ApiRequest<T> {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  /** Headers that depend on the token: a proof covers one request with one token. */
  sealed?(token: string): Record<string, string>;
  /** JSON in UTF-8. */
  body?: Buffer<ArrayBuffer>;
  /** Statuses that `read` wants to see; each other one becomes a Failure. */
  statuses: readonly number[];
  /** Runs within the deadline, so that a body that never ends is cut too. */
  read(response: Response): Promise<T>;
  signal: AbortSignal;
  timeoutMs: number;
}

/**
 * One authenticated exchange with the central API. A 401 is answered once with a fresh token: tokens expire on the way, and keys rotate.
 * Redirects are refused, for the token is meant for the configured address and no other.
 */
export async function send<T>(via: { fetch: typeof fetch; accessToken: AccessToken }, exchange: ApiRequest<T>): Promise<T> {
  const { url, statuses } = exchange;
  return withDeadline(url, exchange.signal, exchange.timeoutMs, async (signal) => {
    for (const forceRefresh of [false, true]) {
      const token = await unlessAborted(via.accessToken(forceRefresh ? { forceRefresh } : undefined), signal);
      const response = await via.fetch(url, {
        method: exchange.method,
        redirect: 'error',
        // Electron's fetch has a disk cache, which would hide the 304 and keep what belongs to one person.
        cache: 'no-store',
        signal,
        headers: {
          ...exchange.headers,
          ...exchange.sealed?.(token),
          ...(exchange.body === undefined ? {} : { 'content-type': 'application/json' }),
          authorization: `Bearer ${token}`,
        },
        ...(exchange.body === undefined ? {} : { body: exchange.body }),
      });
      if (statuses.includes(response.status)) return await exchange.read(response);
      const said = await complaint(response);
      if (response.status !== 401 || forceRefresh) throw failure(url, response, said);
    }
    throw new Error('unreachable');
  });
}

/** How long the central API asked to be left alone (`Retry-After` in seconds), where an error came from such an answer. */
export function retryAfterMs(error: unknown): number {
  const seconds = error instanceof Failure && (error.cause as { retryAfter?: unknown } | undefined)?.retryAfter;
  return typeof seconds === 'string' && /^\d{1,5}$/.test(seconds) ? Math.min(Number(seconds) * 1000, 3_600_000) : 0;
}

function failure(url: string, response: Response, said: { message?: string; fix?: string }): Failure {
  const { host } = new URL(url);
  const { status } = response;
  const detail = said.message === undefined ? '' : ` It says: ${said.message}`;
  const cause = { cause: { status, retryAfter: response.headers.get('retry-after') } };
  const make = (code: ConstructorParameters<typeof Failure>[0], message: string, fix: string) =>
    new Failure(code, message + detail, said.fix ?? fix, cause);
  if (status === 401) return make('signed-out', `${host} does not accept the sign-in.`, 'Sign in again.');
  if (status === 403) return make('denied', `${host} does not let this person in.`, 'Ask the company for access to Gatehouse.');
  if (status === 404)
    return make('not-found', `${host} does not know ${new URL(url).pathname}.`, 'Tell the people who run the central API.');
  if (status === 409) return make('conflict', `${host} refused this as it stands.`, 'Wait, then try again.');
  if (status === 429 || status >= 500) return make('unavailable', `${host} answered ${status}.`, 'It is tried again by itself.');
  return make('bad-input', `${host} answered ${status}.`, 'Tell the people who run the central API.');
}

/** The error text of the API (`{message, fix}` in ours, `detail` in RFC 9457), cut short, since it comes from outside. */
async function complaint(response: Response): Promise<{ message?: string; fix?: string }> {
  try {
    const body = JSON.parse(await readText(response, 16 * 1024)) as Record<string, unknown>;
    const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value.slice(0, 300) : undefined);
    const message = text(body['message']) ?? text(body['detail']);
    const fix = text(body['fix']);
    return { ...(message === undefined ? {} : { message }), ...(fix === undefined ? {} : { fix }) };
  } catch {
    return {};
  }
}

/** A token may wait for an identity provider that hangs; the deadline counts for it too. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
