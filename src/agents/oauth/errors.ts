/** An error as OAuth has them (RFC 6749 section 5.2, RFC 7591 section 3.2.2). */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly error: string;
  readonly description: string;
  /** Of HTTP. */
  readonly status: number;
  constructor(error: string, description: string, status = 400) {
    super(`${error}: ${description}`);
    this.error = error;
    // RFC 6749 section 5.2: the characters that it may have.
    this.description = description
      .replaceAll('"', "'")
      .replace(/[^\x20-\x5b\x5d-\x7e]+/g, ' ')
      .slice(0, 400);
    this.status = status;
  }
}
