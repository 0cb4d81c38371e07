/**
 * The strip that moves Electron's window where it has no frame of its own (`titleBarOverlay`), as high as the system's buttons over its ends.
 * With an ordinary frame that height is 0 and there is no strip.
 */
export function TitleBar() {
  return <div aria-hidden className="drag h-[env(titlebar-area-height,0px)] shrink-0 bg-side shadow-[inset_0_-1px_0_var(--line)]" />;
}
