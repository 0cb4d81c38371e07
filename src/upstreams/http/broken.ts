// What a connection that broke says: whether it may be tried again, and words that help.

/**
 * Not a byte came on a connection that had served before: the server's idle timer and our request passed each other. A reset does not say what
 * connection it was.
 */
export function passedBy(error: Error): boolean {
  const { code, socket } = error as NodeJS.ErrnoException & { socket?: { bytesRead?: number } };
  return code === 'ECONNRESET' || code === 'EPIPE' || (code === 'UND_ERR_SOCKET' && (socket?.bytesRead ?? 0) > 0);
}

/** In words that help; certificates and names are what goes wrong in companies. */
export function unreachable(error: Error, origin: string): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const code = (first as NodeJS.ErrnoException).code ?? '';
  if (code === 'ECONNREFUSED') return `nothing answers at ${origin}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the name in ${origin} cannot be resolved`;
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return `${origin} did not take the connection in time`;
  if (/CERT|SIGNATURE|ISSUER|TLS|SSL/.test(code)) return `the certificate of ${origin} is not trusted: ${code}`;
  return `no connection to ${origin}: ${code || first.message}`;
}
