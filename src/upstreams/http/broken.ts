// What the error of a broken connection means: whether the request may be sent again, and how to tell a person.

/**
 * Whether the server may have closed an idle connection while our request was on its way. Only for errors before any byte of the answer. undici's own
 * error shows whether the connection had been used before; ECONNRESET and EPIPE do not.
 */
export function passedBy(error: Error): boolean {
  const { code, socket } = error as NodeJS.ErrnoException & { socket?: { bytesRead?: number } };
  return code === 'ECONNRESET' || code === 'EPIPE' || (code === 'UND_ERR_SOCKET' && (socket?.bytesRead ?? 0) > 0);
}

/** The cause in plain words. In companies it is mostly a certificate or a host name. */
export function unreachable(error: Error, origin: string): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const code = (first as NodeJS.ErrnoException).code ?? '';
  if (code === 'ECONNREFUSED') return `nothing answers at ${origin}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name in ${origin} cannot be resolved`;
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return `${origin} did not take the connection in time`;
  if (/CERT|SIGNATURE|ISSUER|TLS|SSL/.test(code)) return `the certificate of ${origin} is not trusted: ${code}`;
  return `no connection to ${origin}: ${code || first.message}`;
}
