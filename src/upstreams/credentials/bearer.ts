import type { HeaderList } from './credentials.ts';

/** Characters: more than servers take in a header. */
const longest = 16_384;

/** Whether a token can be sent (RFC 6750 section 2.1). */
export const isBearer = (token: string): boolean => token.length <= longest && /^[\w.~+/-]+=*$/.test(token);

/** Another list at each call: a refusal is about the one that was sent. */
export const bearer = (token: string): HeaderList => ['authorization', `Bearer ${token}`];
