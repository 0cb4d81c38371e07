import type { IncomingHttpHeaders } from 'node:http';

/**
 * Host and Origin as a browser under DNS rebinding would send them are refused (MCP specification, transports, "Security warning").
 * Agents send no Origin; a page of ours never calls this port, so any foreign Origin is an attack or a mistake.
 */
export function guard(headers: IncomingHttpHeaders, port: number): string | undefined {
  // Neither minds case (RFC 9110, 4.2.3).
  const host = headers.host?.toLowerCase();
  const origin = headers.origin?.toLowerCase();
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}` && host !== `[::1]:${port}`)
    return `This gateway answers to 127.0.0.1:${port} only, not to the host ${JSON.stringify(host?.slice(0, 100) ?? '')}.`;
  if (
    origin !== undefined &&
    origin !== `http://127.0.0.1:${port}` &&
    origin !== `http://localhost:${port}` &&
    origin !== `http://[::1]:${port}`
  )
    return 'This gateway takes no requests from web pages.';
  return undefined;
}

/** The token of `Authorization: Bearer TOKEN` (RFC 6750); the scheme's case does not matter. */
export function bearer(headers: IncomingHttpHeaders): string | undefined {
  const value = headers.authorization;
  if (value === undefined || value.length < 8 || value.length > 1024) return undefined;
  const scheme = value.slice(0, 7);
  return scheme === 'Bearer ' || scheme.toLowerCase() === 'bearer ' ? value.slice(7).trim() : undefined;
}
