import type { LinkContext } from '../connection/link.ts';
import { reconnectMs } from '../connection/reconnect.ts';
import { readMessage } from '../messages/reading.ts';
import type { UpstreamError } from '../upstream.ts';
import { exchange } from './http.ts';
import type { HttpTarget } from './target.ts';

export interface StandingOptions {
  target: HttpTarget;
  headers: string[];
  context: LinkContext;
  /** A message, or why it could not be read. False: a flood. */
  receive(message: unknown, error: UpstreamError | undefined): boolean;
  /** The session is gone, or the call's stream cannot be resumed. */
  onGone(): void;
  /** Set to resume the stream of a call that broke after an event with an id; absent: the session's own stream. Ends when `until` returns true. */
  resume?: { id: string; retryMs: number | undefined; until(): boolean };
}

export interface Standing {
  /** Opens it again on another connection. */
  renew(): void;
  close(): void;
}

const resumeAttempts = 5;
const mostRetryMs = 60_000;
const firstRetryMs = 500;

/**
 * A GET stream of a legacy session (protocol 2025-11-25, "Listening for Messages" and "Resumability"): opened again with `Last-Event-ID` whenever
 * it ends. A server need not offer one (405).
 */
export function openStanding(options: StandingOptions): Standing {
  const { target, context, resume } = options;
  let closed = false;
  let lastId = resume?.id;
  let retryMs = resume?.retryMs;
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;
  let stop = () => {};

  const close = () => {
    closed = true;
    clearTimeout(timer);
    stop();
  };
  const over = () => closed || resume?.until() === true;

  function gone() {
    if (over()) return;
    close();
    options.onGone();
  }

  function again() {
    if (over()) return;
    failures++;
    if (resume && failures > resumeAttempts) return gone();
    const pause = Math.max(retryMs ?? firstRetryMs, failures > 1 ? reconnectMs(failures, context.limits) : 0);
    timer = setTimeout(open, Math.min(mostRetryMs, pause));
    if (!resume) timer.unref();
  }

  function take(message: unknown, error: UpstreamError | undefined) {
    if (options.receive(message, error)) {
      if (over()) close();
      return;
    }
    context.log.warn({ server: context.entry.id }, 'an upstream floods its stream; it is cut off for a minute');
    stop();
    retryMs = mostRetryMs;
    again();
  }

  function open() {
    if (over()) return;
    const headers = ['accept', 'text/event-stream', ...options.headers.slice(4)];
    if (lastId !== undefined) headers.push('last-event-id', lastId);
    stop = exchange(target, { method: 'GET', headers }, context.limits.messageBytes, {
      onBody(status) {
        if (status === 404) gone();
        // The server allows only one stream and has not noticed that the last one is gone.
        else if (status === 409 && !resume) again();
        // 405 and other 4xx: the server has no such stream. A call that is to be resumed on it gets no answer any more.
        else if (status >= 400 && status < 500) resume ? gone() : close();
        else again();
      },
      onEvent(event) {
        if (event.id !== undefined) lastId = event.id;
        if (event.retryMs !== undefined) retryMs = event.retryMs;
        if (event.data === '') return undefined;
        // An event with another name is no message. It only counts towards a flood.
        if (event.event !== undefined) return take(undefined, undefined);
        failures = 0;
        return readMessage(event.data, take);
      },
      onEnd: again,
      onFailed: again,
    });
  }
  if (resume) again();
  else open();
  return {
    renew() {
      if (over()) return;
      clearTimeout(timer);
      stop();
      failures = 0;
      open();
    },
    close,
  };
}
