import { backOff, fullJitter, pause } from '../base/backoff.ts';
import type { Log } from '../base/log.ts';
import { openSse } from '../base/sse.ts';
import { retryAfterMs } from './send.ts';

export interface Push {
  /** Connects anew at once: after sleep, a change of network, or for a new token. */
  renew(): void;
}

// Our messages are a few dozen characters; whatever is longer is not for us.
const longest = 64 * 1024;

/**
 * Keeps one event stream open, so that a kill switch acts in seconds. The stream carries a version number and nothing that is trusted:
 * whatever it says only makes us fetch. Silence longer than `heartbeatMs` counts as a dead connection (a laptop that changed its network
 * hears nothing more and gets no error either).
 */
export function openPush(options: {
  /** Resolves with the body of a stream that is open; asks for a valid token by itself. */
  connect(signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
  /** A stream is open: something may have been missed before. */
  opened(): void;
  announced(version: number): void;
  timing: { heartbeatMs: number; reconnectMs: number; reconnectMaxMs: number };
  /** Closes it for good. */
  signal: AbortSignal;
  log: Log;
}): Push {
  const { timing, log } = options;
  const closing = options.signal;
  let turn = new AbortController();
  let base = timing.reconnectMs;
  let failures = 0;

  async function listen(signal: AbortSignal): Promise<void> {
    const silence = new AbortController();
    const either = AbortSignal.any([signal, silence.signal]);
    const body = await options.connect(either);
    const since = performance.now();
    const timer = setTimeout(() => silence.abort(new Error('the event stream fell silent')), timing.heartbeatMs).unref();
    options.opened();
    try {
      const read = openSse(longest, ({ event, data, retryMs }) => {
        if (retryMs !== undefined) base = Math.min(Math.max(retryMs, 100), timing.reconnectMaxMs);
        const version = event === 'bundle' ? versionIn(data.toString()) : undefined;
        if (version !== undefined) options.announced(version);
      });
      for await (const chunk of body) {
        // Comments too: they are the heartbeat.
        timer.refresh();
        // Only a stream that has lasted proves that the connection works: one that is cut at once must still back off.
        if (performance.now() - since > timing.heartbeatMs / 4) failures = 0;
        if (!read(chunk)) throw new Error(`a message of the event stream is longer than ${longest} characters`);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async function run(): Promise<void> {
    while (!closing.aborted) {
      turn = new AbortController();
      const signal = AbortSignal.any([closing, turn.signal]);
      let least = 0;
      try {
        await listen(signal);
        log.debug({}, 'the event stream ended');
      } catch (error) {
        if (!signal.aborted) log.debug({ err: error }, 'the event stream broke');
        least = retryAfterMs(error);
      }
      if (!signal.aborted) await pause(least + fullJitter(backOff(failures++, base, timing.reconnectMaxMs)), signal);
    }
  }
  void run();

  return {
    renew() {
      failures = 0;
      turn.abort();
    },
  };
}

function versionIn(data: string): number | undefined {
  try {
    const version = (JSON.parse(data) as { version?: unknown } | null)?.version;
    return Number.isSafeInteger(version) ? (version as number) : undefined;
  } catch {
    return undefined;
  }
}
