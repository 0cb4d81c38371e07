import type { Log } from '../../base/log.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { UpstreamError } from '../upstream.ts';
import { exchange } from './http.ts';
import type { HttpTarget } from './target.ts';

/** The small messages of a legacy session. Their answers say only that they arrived. */

const smallAnswer = 65_536;
// How long a goodbye may take: closing waits for it.
const goodbyeMs = 1000;

/** A notification to the upstream, or our answer to its question: a POST that brings 202. */
export function sendMessage(target: HttpTarget, headers: string[], message: JsonObject, on: { log: Log; server: string }): void {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  exchange(target, { method: 'POST', headers, body, repeatable: true }, smallAnswer, {
    onBody(status) {
      if (status >= 300) on.log.debug({ server: on.server, status, method: message['method'] }, 'an upstream refused a message');
    },
    onEvent() {},
    onEnd() {},
    onFailed: (error) => on.log.debug({ err: error, server: on.server }, 'a message did not reach an upstream'),
  });
}

/** Waited for: servers refuse calls that overtake it. */
export function sendInitialized(target: HttpTarget, headers: string[], until: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' });
    const done = () => {
      until.removeEventListener('abort', late);
      resolve();
    };
    const stop = exchange(target, { method: 'POST', headers, body }, smallAnswer, {
      onBody: done,
      onEvent() {},
      onEnd: done,
      onFailed: done,
    });
    const late = () => {
      stop();
      reject(new UpstreamError('unreachable', 'it did not finish the handshake in time'));
    };
    until.addEventListener('abort', late, { once: true });
  });
}

/** DELETE ends the session (protocol 2025-11-25, "Session Management"); a server may refuse it, and often does. */
export function sendGoodbye(target: HttpTarget, headers: string[]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const stop = exchange(target, { method: 'DELETE', headers: headers.slice(2) }, smallAnswer, {
      onBody: done,
      onEvent() {},
      onEnd: done,
      onFailed: done,
    });
    const timer = setTimeout(() => {
      stop();
      resolve();
    }, goodbyeMs);
  });
}
