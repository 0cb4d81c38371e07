/** The window's one origin. */
export declare const appScheme = 'app';
export declare const appHost = 'gatehouse';
export declare const windowUrl = 'app://gatehouse/';
/**
 * Whether a URL is the window's own. Compared by protocol and host: Node's `new URL(url).origin` is the string "null" for a custom scheme,
 * and so the same for each of them.
 */
export declare function isWindowUrl(text: string): boolean;
/** What we need of Electron's WebFrameMain, so that the check runs in a test without Electron. */
export interface SenderFrame {
  readonly parent: unknown;
  readonly origin: string;
  readonly url: string;
}
/** Whether an IPC message came from the window's own top frame. `null` is a frame that has navigated away meanwhile. */
export declare function isTrustedSender(frame: SenderFrame | null): boolean;
/**
 * Whether `gatehouse://open` (or one with a path) is what the system handed us. It brings the window up and does nothing else, so
 * whoever makes a person click one gains nothing; it is never an OAuth redirect, since any program may claim a scheme.
 */
export declare function isOpenLink(text: string): boolean;
/** Links that the window may hand to the system browser: the company's support page and the sign-in page of this moment, nothing else. */
export declare function isAllowedLink(
  text: string,
  view: {
    company: {
      supportUrl?: string;
    };
    identity: {
      prompt?: {
        url: string;
      };
    };
  },
): boolean;
