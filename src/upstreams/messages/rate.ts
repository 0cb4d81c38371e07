const windowMs = 10_000;

/** Counts events. Returns false for each one after the first `most` within ten seconds. */
export function openRate(most: number): () => boolean {
  let counted = 0;
  let start = 0;
  return () => {
    const now = performance.now();
    if (now - start > windowMs) {
      start = now;
      counted = 0;
    }
    return ++counted <= most;
  };
}
