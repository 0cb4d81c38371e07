import type { IncomingMessage } from 'node:http';

/**
 * Checks where a request comes from: its Host is ours (not a rebound DNS name), its Origin, if any, is ours, and for the API its Sec-Fetch-Site,
 * if any, is "same-origin". Returns the reason of a refusal, else undefined.
 */
export function refusal(request: IncomingMessage, port: number, api: boolean): string | undefined {
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  // Neither minds case (RFC 9110, 4.2.3).
  const host = request.headers.host?.toLowerCase();
  const origin = request.headers.origin?.toLowerCase();
  if (host === undefined || !hosts.includes(host)) return 'wrong Host';
  if (origin !== undefined && origin !== `http://${host}`) return 'wrong Origin';
  const site = request.headers['sec-fetch-site'];
  if (api && site !== undefined && site !== 'same-origin') return 'wrong Sec-Fetch-Site';
  return undefined;
}

/** Reads a JSON body: the value, or the status of the refusal. The limit holds whatever Content-Length says. */
export async function jsonBody(request: IncomingMessage, limit: number): Promise<{ value: unknown } | { status: 400 | 413 | 415 }> {
  if (!/^application\/json(;|$)/i.test(request.headers['content-type'] ?? '')) return { status: 415 };
  if (Number(request.headers['content-length'] ?? 0) > limit) return { status: 413 };
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return { status: 413 };
    chunks.push(chunk);
  }
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return { status: 400 };
  }
}
