/** The window's one origin. */
export const appScheme = 'app';
export const appHost = 'gatehouse';
export const windowUrl = `${appScheme}://${appHost}/`;

/**
 * Whether a URL is the window's own. Compared by protocol and host: Node's `new URL(url).origin` is the string "null" for a custom scheme,
 * and so the same for each of them.
 */
export function isWindowUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === `${appScheme}:` && url.host === appHost;
}

/** The ledger's export: made by the window itself, so it carries the window's own origin. */
export function isWindowDownload(text: string): boolean {
  return text.startsWith('blob:') && isWindowUrl(text.slice('blob:'.length));
}

/** What the window's session may load: our own files, and our own blobs, but those as a download only and never as script, frame or image. */
export function mayLoad({ url, resourceType }: { url: string; resourceType: string }): boolean {
  if (isWindowUrl(url) || url.startsWith('devtools:')) return true;
  return isWindowDownload(url) && (resourceType === 'mainFrame' || resourceType === 'other');
}

/** What we need of Electron's WebFrameMain, so that the check runs in a test without Electron. */
export interface SenderFrame {
  readonly parent: unknown;
  readonly origin: string;
  readonly url: string;
}

/** Whether an IPC message came from the window's own top frame. `null` is a frame that has navigated away meanwhile. */
export function isTrustedSender(frame: SenderFrame | null): boolean {
  return frame !== null && frame.parent === null && frame.origin === `${appScheme}://${appHost}` && isWindowUrl(frame.url);
}

/**
 * Whether `gatehouse://open` (or one with a path) is what the system handed us. It brings the window up and does nothing else, so
 * whoever makes a person click one gains nothing; it is never an OAuth redirect, since any program may claim a scheme.
 */
export function isOpenLink(text: string): boolean {
  return URL.canParse(text) && new URL(text).protocol === 'gatehouse:' && new URL(text).host === 'open';
}

/**
 * Links that the window may hand to the system browser: the company's support page, the sign-in page of this moment and the sign-out page
 * that the last sign-out answered with, nothing else.
 */
export function isAllowedLink(
  text: string,
  view: { company: { supportUrl?: string }; identity: { prompt?: { url: string } } },
  logoutUrl?: string,
): boolean {
  const allowed = [view.company.supportUrl, view.identity.prompt?.url, logoutUrl].filter((url): url is string => url !== undefined);
  return URL.canParse(text) && allowed.some((url) => URL.canParse(url) && new URL(url).href === new URL(text).href);
}
