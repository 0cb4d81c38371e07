import { Failure } from '../base/errors.ts';

/** Reads a body as text and stops at `maxBytes` of decoded content, so that neither a flood nor a gzip bomb reaches memory. */
export async function readText(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return '';
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const parts: string[] = [];
  let size = 0;
  // Leaving the loop by an exception cancels the body, and with it the transfer.
  for await (const chunk of response.body) {
    size += chunk.byteLength;
    if (size > maxBytes) {
      throw new Failure(
        'integrity',
        `The central API sent more than ${maxBytes} bytes.`,
        'Nothing was taken from it. Tell the people who run the central API.',
      );
    }
    parts.push(decoder.decode(chunk, { stream: true }));
  }
  parts.push(decoder.decode());
  return parts.join('');
}

/** The same as JSON. Anything else is `unavailable`: mostly it is a captive portal or a proxy that answers in the API's place. */
export async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const text = await readText(response, maxBytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure(
      'unavailable',
      'Something answered in place of the central API, not with JSON.',
      'Sign in to the network (hotel, guest Wi-Fi, VPN) if it asks for it, then try again.',
      { cause },
    );
  }
}

/**
 * Runs one exchange under a deadline that covers the body too. Whatever the network throws becomes a Failure that names the host;
 * an abort by the caller's own signal is passed on as it is.
 */
export async function withDeadline<T>(
  url: string,
  signal: AbortSignal,
  ms: number,
  exchange: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), ms);
  try {
    return await exchange(AbortSignal.any([signal, deadline.signal]));
  } catch (error) {
    if (signal.aborted || error instanceof Failure) throw error;
    const { host } = new URL(url);
    if (deadline.signal.aborted) {
      throw new Failure(
        'timed-out',
        `${host} did not answer within ${ms / 1000} seconds.`,
        'Check the network or VPN; it is tried again by itself.',
      );
    }
    throw new Failure(
      'unavailable',
      `${host} cannot be reached${reason(error)}.`,
      'Check the network or VPN; it is tried again by itself.',
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

/** The system's own code, where there is one: it tells IT more than "fetch failed". */
function reason(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^[A-Z0-9_]{3,64}$/.test(code)) return ` (${code})`;
  }
  return '';
}
