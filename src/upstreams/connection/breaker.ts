import { UpstreamError } from '../upstream.ts';
import { reconnectMs } from './reconnect.ts';

/** After so many calls in a row without an answer, no more are sent. One tool that fails among others that answer never causes that. */
const mostStrikes = 5;

export interface Trouble {
  error: UpstreamError;
  failures: number;
  retryAt: number;
}

/** The circuit to one upstream: closed, open until `retryAt`, and half-open from then on, when one call at a time tries it. */
export interface Breaker {
  readonly trouble: Trouble | undefined;
  /** Nothing failed since the last answer, so calls need not be watched. */
  readonly sound: boolean;
  /** Calls in a row that got no answer. */
  readonly strikes: number;
  /** A call got no answer. True: it opened the circuit. */
  strike(error: UpstreamError): boolean;
  /** The upstream cannot be reached. False: it was open already, since calls in flight at the same time find the same trouble. */
  open(error: UpstreamError): boolean;
  /** True: it was open until now. */
  close(): boolean;
  /** The call that tries the upstream at present. It keeps the others waiting for `connectMs` at most, and may end without a verdict. */
  readonly probing: Promise<void> | undefined;
  /** Makes the caller's call that one; returns a function that ends it. */
  probe(): () => void;
}

export function openBreaker(limits: { backoffFirstMs: number; backoffMostMs: number; connectMs: number }, now: () => number): Breaker {
  let trouble: Trouble | undefined;
  let strikes = 0;
  let probing: Promise<void> | undefined;
  let endProbe = () => {};

  function open(error: UpstreamError): boolean {
    if (trouble && now() < trouble.retryAt) return false;
    const failures = (trouble?.failures ?? 0) + 1;
    trouble = { error, failures, retryAt: now() + reconnectMs(failures, limits) };
    return true;
  }

  return {
    get trouble() {
      return trouble;
    },
    get sound() {
      return strikes === 0 && trouble === undefined;
    },
    get strikes() {
      return strikes;
    },
    get probing() {
      return probing;
    },
    open,
    strike(error) {
      strikes++;
      if (trouble) return open(error);
      if (strikes < mostStrikes) return false;
      return open(new UpstreamError('unreachable', `${strikes} calls in a row failed, the last with: ${error.message}`, { cause: error }));
    },
    close() {
      strikes = 0;
      const was = trouble !== undefined;
      trouble = undefined;
      endProbe();
      return was;
    },
    probe() {
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => {
        clearTimeout(timer);
        if (probing === promise) probing = undefined;
        resolve();
      };
      const timer = setTimeout(end, limits.connectMs).unref();
      probing = promise;
      endProbe = end;
      return end;
    },
  };
}
