import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { maskedWhole } from '../local/mask.ts';
import type { Outcome, UpstreamError } from '../upstream.ts';

/** Takes secrets out of what a server says, before anybody keeps it, shows it or passes it on. Some quote the key that they refuse. */
export interface Concealer {
  /** From now on, besides those of before: a server may still quote the last one. */
  add(values: readonly string[]): void;
  /** The same error, without them in its words. */
  error<E extends UpstreamError>(error: E): E;
  /** The same outcome where there is none in it. A long result is not looked through. */
  outcome(outcome: Outcome): Outcome;
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

  return {
    add(values) {
      secrets = [...new Set([...secrets, ...values.flatMap((value) => [value, encodeURIComponent(value)])])];
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
      if ('error' in outcome) return { error: within(outcome.error) as typeof outcome.error };
      if (typeof outcome.text === 'string' ? !quotes(outcome.text) : outcome.text !== undefined) return outcome;
      const result = within(outcome.result) as JsonObject;
      return result === outcome.result ? outcome : { result };
    },
  };
}
