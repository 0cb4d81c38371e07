/**
 * Ends the process in order on SIGINT, SIGTERM and SIGHUP, at a second signal at once, and in any case after `patience` milliseconds. With `parent` it
 * also ends with its parent: the kernel closes the pipe (standard input) or the IPC channel when the parent dies, however it died.
 */
export function leaveInOrder(
  close: () => Promise<void>,
  options: { parent?: 'pipe' | 'ipc' | undefined; patience?: number } = {},
): { leave(code: number): void } {
  const { parent, patience = 3000 } = options;
  let leaving = false;
  const leave = (code: number) => {
    if (leaving) return;
    leaving = true;
    setTimeout(() => process.exit(1), patience).unref();
    close().then(
      () => process.exit(code),
      () => process.exit(1),
    );
  };
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const earlier = process.listenerCount(signal);
    let echo = false;
    process.on(signal, () => {
      if (leaving && !echo) return process.exit(code);
      // Libraries that listen too (when-exit, below conf) send us the signal once more: that is not the person's second one.
      echo = !leaving && (earlier > 0 || process.listenerCount(signal) > 1);
      leave(code);
    });
  }
  const orphaned = () => leave(0);
  if (parent === 'pipe') process.stdin.on('end', orphaned).on('close', orphaned).on('error', orphaned).resume();
  if (parent === 'ipc') process.on('disconnect', orphaned);
  return { leave };
}
