/**
 * One form of all spellings of a name that readers take for the same when they do not mind case: Go's and .NET's JSON decoders do not by default
 * (CVE-2026-27896). There and back again, since ſ has its small letter only by its capital, and ẞ the other way round; the dot is that of İ.
 */
export const fold = (name: string): string =>
  isAscii.test(name) ? name.toLowerCase() : name.toLowerCase().toUpperCase().toLowerCase().replaceAll('i\u0307', 'i');

const isAscii = /^[\0-\x7f]*$/;
