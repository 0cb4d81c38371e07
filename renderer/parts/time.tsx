import { useSyncExternalStore } from 'react';
import { ago, exact } from '../words.ts';

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  // One clock for the whole window, and none while nothing shows a time.
  timer ??= setInterval(tick, 5000);
  return () => {
    listeners.delete(changed);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** What is new to the window happened now, not after the last tick. */
export function tick(): void {
  if (Date.now() - now < 1000) return;
  now = Date.now();
  for (const listener of listeners) listener();
}

/** The time, to 5 seconds. */
export const useNow = () => useSyncExternalStore(subscribe, () => now);

export function Ago({ at, className = '' }: { at: string; className?: string }) {
  const seen = useNow();
  // An event newer than the last tick happened just now, not in the future.
  const shown = Date.parse(at) > seen && Date.parse(at) <= Date.now() ? Date.parse(at) : seen;
  return (
    <time dateTime={at} title={exact(at)} className={`whitespace-nowrap ${className}`}>
      {ago(at, shown)}
    </time>
  );
}
