import { Failure } from '../base/errors.ts';

/** Whether a URL names this machine and no other: only the literal addresses and `localhost`, no name that a resolver could point elsewhere. */
export function isLoopback(url: URL): boolean {
  const host = url.hostname;
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The central API's base address as the company gave it. Tokens will be sent there, so it is https, or http on this machine. */
export function centralUrl(text: string): URL {
  const fix = 'Set `central` to the address that the company gave, such as https://gatehouse.example.com.';
  if (!URL.canParse(text)) throw new Failure('bad-input', 'The address of the central API is not a URL.', fix);
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    throw new Failure('bad-input', `The central API must be reached over https, not at ${url.origin}.`, fix);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Failure('bad-input', 'The address of the central API holds more than an origin and a path.', fix);
  }
  return url;
}

/**
 * Whether a document from `central` may send us to `target`: https anywhere, its own origin, or, for a central API on this machine
 * (development, demo), another port of this machine. A remote one can thus never point tokens at local programs.
 */
export function mayPointTo(central: URL, target: URL): boolean {
  if (target.username !== '' || target.password !== '') return false;
  if (target.protocol === 'https:') return !isLoopback(target) || isLoopback(central);
  return target.origin === central.origin || (target.protocol === 'http:' && isLoopback(target) && isLoopback(central));
}
