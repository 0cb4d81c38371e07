/**
 * Folds a name to one form for all spellings that are the same to readers without regard to case, such as the JSON decoders of Go and .NET by
 * default (CVE-2026-27896). Lower, upper and lower again: ſ becomes s only through its capital, ẞ becomes ss only through its small letter. The
 * dot that is removed comes from İ.
 */
export const fold = (name: string): string =>
  isAscii(name) ? name.toLowerCase() : name.toLowerCase().toUpperCase().toLowerCase().replaceAll('i\u0307', 'i');

const ascii = /^[\0-\x7f]*$/;
export const isAscii = (text: string): boolean => ascii.test(text);
