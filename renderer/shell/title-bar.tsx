/** Electron's window has no frame of its own: this strip moves it. The system's buttons lie over its ends. */
export function TitleBar() {
  return <div aria-hidden className="drag h-10 shrink-0 border-line border-b bg-side" />;
}
