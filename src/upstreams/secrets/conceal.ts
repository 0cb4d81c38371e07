import { maskedWhole } from '../local/mask.ts';
import type { Outcome, UpstreamCall, UpstreamError } from '../upstream.ts';

/** Takes secrets out of what a server says, before anybody keeps it, shows it or passes it on. Some quote the key that they refuse. */
export interface Concealer {
  /** From now on, besides those of before: a server may still quote the last one. */
  add(values: readonly string[]): void;
  /** The same error, without them in its words. */
  error<E extends UpstreamError>(error: E): E;
  /** The same outcome where there is none in it. A long result is not looked through. */
  outcome(outcome: Outcome): Outcome;
  /** The same value where there is none in it. */
  value<T>(value: T): T;
  /** A call that hears nothing of them while it runs either. */
  call(call: UpstreamCall): UpstreamCall;
}

export function openConcealer(): Concealer {
  let secrets: string[] = [];
  const quotes = (text: string) => secrets.some((secret) => text.includes(secret));

  /** The same value where there is nothing in it. What stands for a long part is left alone. */
  function within(value: unknown): unknown {
    if (typeof value === 'string') return quotes(value) ? maskedWhole(value, secrets) : value;
    if (Array.isArray(value)) {
      const masked = value.map(within);
      return masked.some((inner, at) => inner !== value[at]) ? masked : value;
    }
    if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
    const before = Object.entries(value);
    const masked = before.map(([name, inner]) => [within(name), within(inner)] as const);
    return masked.some(([name, inner], at) => name !== before[at]![0] || inner !== before[at]![1]) ? Object.fromEntries(masked) : value;
  }

  const value = <T>(value: T): T => (secrets.length === 0 ? value : (within(value) as T));
  return {
    value,
    call(call) {
      const { onProgress, onNotification, onRequest } = call;
      return {
        ...call,
        onProgress: onProgress && ((params) => onProgress(value(params))),
        onNotification: onNotification && ((notification) => onNotification(value(notification))),
        onRequest: onRequest && ((request, signal) => onRequest(value(request), signal)),
      };
    },
    add(values) {
      secrets = [...new Set([...secrets, ...values])];
    },
    error(error) {
      if (!quotes(error.message)) return error;
      const message = maskedWhole(error.message, secrets);
      if (error.stack !== undefined) error.stack = error.stack.replaceAll(error.message, message);
      error.message = message;
      return error;
    },
    outcome(outcome) {
      if (secrets.length === 0) return outcome;
      if ('error' in outcome) return { error: value(outcome.error) };
      const { text } = outcome;
      // JSON can spell each character in other ways, all of which begin with a backslash; many servers spell `/` so.
      if (typeof text === 'string' ? !quotes(text) && !text.includes('\\') : text !== undefined) return outcome;
      const result = value(outcome.result);
      return result === outcome.result ? outcome : { result };
    },
  };
}
