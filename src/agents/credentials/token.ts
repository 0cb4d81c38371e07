import { hash, randomBytes } from 'node:crypto';

/** What a token is for shows in its first letters, so that a leaked one can be told and none is taken for another kind. */
export type TokenKind = 'gha_' | 'gho_' | 'ghr_' | 'ghc_';
/** Static, access, refresh; a code is one between the two. */
export const tokenKinds = { static: 'gha_', access: 'gho_', refresh: 'ghr_', code: 'ghc_' } as const satisfies Record<string, TokenKind>;

const prefixLength = 4;
const secretLength = 43;
const tokenLength = prefixLength + secretLength + 6;

/** A new token: 256 random bits, and a checksum by which a scanner for leaked secrets recognizes it without asking us. */
export function newToken(kind: TokenKind = 'gha_'): string {
  const body = kind + randomBytes(32).toString('base64url');
  return body + checksum(body);
}

/** Whether a text has the form of a token. Tells a mistyped or cut token from an unknown one, without a list of tokens. */
export function isToken(text: string): boolean {
  return (
    text.length === tokenLength &&
    /^gh[aorc]_[A-Za-z0-9_-]+$/.test(text) &&
    checksum(text.slice(0, prefixLength + secretLength)) === text.slice(-6)
  );
}

/** Cheap: the length first, so that a header of megabytes costs no hash. */
export const looksLike = (text: string, ...kinds: TokenKind[]): boolean =>
  text.length === tokenLength && kinds.some((kind) => text.startsWith(kind));

export const digest = (token: string): string => hash('sha256', token, 'base64url');

function checksum(body: string): string {
  return hash('sha256', body, 'base64url').slice(0, 6);
}
