/** Milliseconds that closing may take before the process ends anyway. */
const patience = 3000;

/**
 * Ends the process in order on SIGINT and SIGTERM, at a second signal at once. With `parentPipe`, also when standard input ends: the kernel closes
 * that pipe when the parent dies, however it died, so that no host is left behind.
 */
export function leaveInOrder(close: () => Promise<void>, options: { parentPipe?: boolean; exit?: (code: number) => void } = {}): void {
  const { parentPipe = false, exit = (code) => process.exit(code) } = options;
  let leaving = false;
  const leave = (code: number) => {
    if (leaving) return exit(code === 0 ? 0 : 130);
    leaving = true;
    setTimeout(() => exit(1), patience).unref();
    close().then(
      () => exit(0),
      () => exit(1),
    );
  };
  process.on('SIGINT', () => leave(130));
  process.on('SIGTERM', () => leave(143));
  // A closed terminal is no reason to die half-way.
  process.on('SIGHUP', () => leave(129));
  if (parentPipe) {
    const orphaned = () => {
      if (!leaving) leave(0);
    };
    process.stdin.on('end', orphaned).on('close', orphaned).on('error', orphaned).resume();
  }
}
