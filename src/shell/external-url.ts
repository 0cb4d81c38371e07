import { Failure } from '../base/errors.ts';

/**
 * The only URLs that leave for the system browser: https, or http on loopback (a demo's identity provider). Returned re-serialised, so
 * that what was checked is what is opened. Anything else could start a program (`file:`, `ms-msdt:`, `javascript:` ...).
 */
export function externalUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const loopback = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url === undefined || (url.protocol !== 'https:' && !loopback) || url.username || url.password) {
    throw new Failure('bad-input', 'That address is not opened: only https, or http on this machine, without a password in it.');
  }
  return url.href;
}
