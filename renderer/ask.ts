import { useCallback, useEffect, useRef, useState } from 'react';
import type { ErrorValue } from '../src/base/errors.ts';
import type { Command, CommandInput, Outputs } from '../src/contract/contract.ts';
import { useCall, useWindow } from './store.ts';

export interface Asked<C extends Command> {
  value?: Outputs[C];
  error?: ErrorValue;
  /** Nothing to show for 150 ms: time for a skeleton. Before that an empty page flickers less. */
  slow: boolean;
  again: () => void;
}

interface State<C extends Command> {
  key: string;
  value?: Outputs[C];
  error?: ErrorValue;
}

/** Asks again what failed, once a host that was lost answers again: nobody should have to press a button for that. */
export function useReturn(again: () => void, failed: boolean): void {
  const lost = useWindow((state) => state.link === 'lost');
  const was = useRef(lost);
  useEffect(() => {
    if (was.current && !lost && failed) again();
    was.current = lost;
  }, [lost, failed, again]);
}

/**
 * What a command answers, kept while it is asked again. A new input starts afresh; a new `fresh` (anything in the view that says the answer
 * may have changed) replaces the answer when the next one is there, so that nothing flickers.
 */
export function useAsk<C extends Command>(command: C, input: CommandInput<C>, fresh?: unknown): Asked<C> {
  const call = useCall();
  const key = JSON.stringify([command, input]);
  const [state, setState] = useState<State<C>>({ key });
  const [round, setRound] = useState(0);
  const [slow, setSlow] = useState(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for command and input, `fresh` and `round` ask again
  useEffect(() => {
    let current = true;
    setSlow(false);
    const timer = setTimeout(() => current && setSlow(true), 150);
    void call(command, input).then((reply) => {
      clearTimeout(timer);
      if (!current) return;
      setSlow(false);
      setState((before) => {
        if (reply.ok) return { key, value: reply.value };
        const kept = before.key === key && before.value !== undefined ? { value: before.value } : {};
        return { key, error: reply.error, ...kept };
      });
    });
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [key, fresh, round, call]);

  const again = useCallback(() => setRound((n) => n + 1), []);
  useReturn(again, state.key === key && state.error !== undefined);
  const { value, error } = state.key === key ? state : {};
  return { slow, again, ...(value === undefined ? {} : { value }), ...(error === undefined ? {} : { error }) };
}
