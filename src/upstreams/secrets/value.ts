import { Failure } from '../../base/errors.ts';
import type { Secret } from '../../bundle/secret.ts';

/** Characters. Servers take no more than 8 KiB in a header; below the least, masking it would mask words. */
const size = { least: 4, most: 8192 };

/** RFC 9110 section 5.5, without the tabulator. */
const forHeader = /^[\x20-\x7e\xa0-\xff]*$/;

/** RFC 7468. */
const pem = /^-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\r\n]+-----END [A-Z ]+-----\s*$/;

/** Rejects what cannot be carried where the secret goes. INVARIANT: the value is not in the message. */
export function checkValue({ name, where }: Secret, value: string): void {
  const wrong = fault(
    // The key of a client has lines; it goes into no place where they could end something.
    where.length === 0 && pem.test(value) ? value.replace(/[\r\n]/g, '') : value,
    where.some((place) => place.in === 'header'),
  );
  if (wrong !== undefined)
    throw new Failure(
      'bad-input',
      `That cannot be the value of ${name}: ${wrong}.`,
      'Copy it again from where it was issued, whole and alone.',
    );
}

function fault(value: string, header: boolean): string | undefined {
  if (value.length < size.least) return `it has fewer than ${size.least} characters`;
  if (value.length > size.most) return `it has more than ${size.most} characters`;
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)) return 'it has a line end or another control character in it';
  if (!value.isWellFormed()) return 'it is not valid text';
  if (value.trim() !== value) return 'it begins or ends with a space';
  if (header && !forHeader.test(value)) return 'it has characters that an HTTP header cannot carry';
  return undefined;
}
