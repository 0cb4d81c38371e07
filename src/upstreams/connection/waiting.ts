import { UpstreamError } from '../upstream.ts';
import type { Link } from './link.ts';

/** Calls back again and again while nobody has used the link for `idleMs`; returns how to stop. */
export function watchIdle(link: Link, idleMs: number, onIdle: () => void): () => void {
  const timer = setInterval(() => {
    if (link.quietMs!() >= idleMs) onIdle();
  }, idleMs / 10).unref();
  return () => clearInterval(timer);
}

/** Waits `ms` at most. A start that takes longer goes on without the call that waits for it. */
export async function within(ms: number, start: Promise<Link>): Promise<Link> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new UpstreamError('unreachable', 'it is still being downloaded and started; make the call again in a minute');
    timer = setTimeout(() => reject(error), ms);
  });
  return await Promise.race([start, late]).finally(() => clearTimeout(timer));
}
